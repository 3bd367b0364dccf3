import { OptionsError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import type { PathPredicate } from '../core/path-predicate.js';

/**
 * Which parts of a model keep only their input in a training step and are computed again for the gradient.
 *
 * `'none'` none; `'all'` each layer of the chain, or each child of a model that is no chain; `'sqrt'` the chain in
 * about as many segments as each has layers; `{ every: n }` segments of `n` layers; `{ maxActivationMb }` the segments that
 * cost least time and hold at most so many megabytes (of 10^6 bytes) of activations at a time; a predicate the layers of
 * these paths, blocks included.
 */
export type CheckpointPolicy =
  'none' | 'all' | 'sqrt' | { readonly every: number } | { readonly maxActivationMb: number } | PathPredicate;

/** A policy that cuts a chain of layers into segments. */
export type ChainPolicy = Exclude<CheckpointPolicy, PathPredicate> | 'none' | 'all' | 'sqrt';

/** Whether the policy is about a chain of layers; the others choose layers by path. */
export function isChainPolicy(policy: CheckpointPolicy): policy is ChainPolicy {
  if (typeof policy === 'string') return policy === 'none' || policy === 'all' || policy === 'sqrt';
  return typeof policy === 'object' && !Array.isArray(policy) && !(policy instanceof RegExp);
}

/** @throws OptionsError [invalid-option] for what is no policy */
export function checkPolicy(policy: unknown, where: string): asserts policy is CheckpointPolicy {
  const refuse = (expected: string, received: unknown): never => {
    throw new OptionsError('invalid-option', {
      where: `option "checkpoint" of ${where}`,
      expected,
      received: formatValue(received),
    });
  };
  if (typeof policy === 'string' || typeof policy === 'function' || policy instanceof RegExp) return;
  if (Array.isArray(policy) && policy.length > 0) {
    policy.forEach(
      (part) => typeof part !== 'object' || part instanceof RegExp || Array.isArray(part) || refuse(FORMS, part),
    );
    return;
  }
  if (typeof policy !== 'object' || policy === null || Object.keys(policy).length !== 1) refuse(FORMS, policy);
  const [[name, value]] = Object.entries(policy as object) as [[string, unknown]];
  if (name === 'every') {
    if (!Number.isInteger(value) || (value as number) < 1) refuse('every: a whole number of layers, at least 1', value);
  } else if (name === 'maxActivationMb') {
    if (typeof value !== 'number' || !(value > 0)) refuse('maxActivationMb: a positive number of megabytes', value);
  } else refuse(FORMS, policy);
}

const FORMS = "'none', 'all', 'sqrt', { every: n }, { maxActivationMb: n } or a predicate of layer paths";

/** Layers `[from, to)` of a chain; `again` where they are computed again for the gradient. */
export interface Segment {
  readonly from: number;
  readonly to: number;
  readonly again: boolean;
}

/** The segments of a chain of `count` layers by a policy that needs no measurements. */
export function segmentsOf(
  count: number,
  policy: Exclude<ChainPolicy, { readonly maxActivationMb: number }>,
): Segment[] {
  if (policy === 'none') return [{ from: 0, to: count, again: false }];
  if (policy === 'all') return Array.from({ length: count }, (_, i) => ({ from: i, to: i + 1, again: true }));
  const size = policy === 'sqrt' ? Math.round(Math.sqrt(count)) : policy.every;
  const segments: Segment[] = [];
  for (let from = 0; from < count; from += size) {
    const to = Math.min(from + size, count);
    // The last one's gradient is asked for at once: it would be computed twice for nothing.
    segments.push({ from, to, again: to < count });
  }
  return segments;
}
