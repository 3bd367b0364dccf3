import {
  explainMissingGradients,
  type MissingGradient,
  type MissingGradientReason,
} from '../../training/explain-missing-gradient.js';
import { AdjointError, GradientError } from '../../core/errors.js';
import { attempt, type Evidence } from '../evidence.js';
import { watchingCopies } from '../host-copies.js';
import { withStateKept } from '../kept-state.js';
import type { Diagnosis, Finding } from './diagnosis.js';

/** Weights are told of by name up to here. */
const LISTED = 4;
const LEAST_READINGS = 1;

type Reason = MissingGradientReason | 'host-copy';
type Missing = Omit<MissingGradient, 'reason'> & { readonly reason: Reason };

const explained = new WeakMap<Evidence, readonly Missing[]>();

/** Why weights had no gradient, or none but zeros, at every step that was measured. */
function missing(evidence: Evidence): readonly Missing[] {
  const known = explained.get(evidence);
  if (known !== undefined) return known;
  const paths = suspects(evidence);
  const { model, plan, state, batches } = evidence;
  const [batch] = batches;
  const explain = () => watchingCopies(() => explainMissingGradients(model, plan, state, batch!, paths));
  const watched = paths.length === 0 || batch === undefined ? null : attempt(() => withStateKept(explain));
  // The very numbers that were read are a cut; others are what JavaScript has computed, without a derivative.
  const isCopied = watched?.copies === true;
  const traced = watched?.result.map((one): Missing => {
    return one.reason === 'host-read' && isCopied ? { ...one, reason: 'host-copy' } : one;
  });
  const found = traced === undefined ? [] : [...traced, ...outside(evidence, paths, traced)];
  explained.set(evidence, found);
  return found;
}

/** Weights from which there is a way to the loss through the step as a whole, and none inside of what is minimised. */
function outside({ ownStep, readings }: Evidence, paths: readonly string[], traced: readonly Missing[]): Missing[] {
  if (!ownStep) return [];
  const cut = paths.filter(
    (path) => readings.length > 0 && readings.every((one) => one.withoutGradient.includes(path)),
  );
  const known = new Set(traced.map(({ weight }) => weight));
  return cut
    .filter((path) => !known.has(path))
    .map((weight) => ({
      weight,
      reason: 'stop-gradient' as const,
      op: 'minimize',
      layer: '',
      line: '',
      message: `${weight}: what is computed from it outside of the function given to minimize is a constant inside of it`,
    }));
}

function suspects(evidence: Evidence): string[] {
  const { model, readings, error } = evidence;
  const trainable = [...model.weightTree()].flatMap(([path, weight]) => (weight.trainable ? [path] : []));
  if (errorsOf(error).some((one) => one instanceof GradientError && one.kind === 'nothing-to-train')) return trainable;
  if (readings.length < LEAST_READINGS) return [];
  // A weight that one objective does without may be another's.
  return trainable.filter((path) => {
    const isStill = readings.every(({ weights, withoutGradient }) => {
      const size = weights[path]?.gradientNorm;
      return size === undefined ? withoutGradient.includes(path) : size === 0;
    });
    return isStill && !isWritten(evidence, path);
  });
}

/** Whether a weight without any gradient is another than at the beginning: a copy that follows others, such as a teacher. */
function isWritten({ model, initialWeights, readings }: Evidence, path: string): boolean {
  const before = initialWeights.get(path);
  if (before === undefined || !readings.every(({ withoutGradient }) => withoutGradient.includes(path))) return false;
  const value = model.weightTree().get(path)!.handle.variable.read();
  const now = value.dataSync();
  value.dispose();
  return before.values.some((number, i) => number !== now[i] && !Number.isNaN(number));
}

/** An error and what it was caused by. */
export function errorsOf(error: unknown): Error[] {
  const found: Error[] = [];
  for (let next = error; typeof next === 'object' && next !== null && found.length < 8;) {
    found.push(next as Error);
    next = (next as Error).cause;
  }
  return found;
}

function diagnosisOf(cause: Diagnosis['cause'], reasons: readonly Reason[], symptom: string, fix: string): Diagnosis {
  return {
    cause,
    needs: 'epoch',
    examine(evidence): Finding | null {
      const found = missing(evidence).filter(({ reason }) => reasons.includes(reason));
      if (found.length === 0) return null;
      const more = found.length - LISTED;
      return {
        symptom,
        evidence: `${found
          .slice(0, LISTED)
          .map(({ message }) => message)
          .join('; ')}${more > 0 ? `; and ${more} more weights` : ''}`,
        where: found[0]!.line === '' ? found[0]!.weight : `${found[0]!.weight}, ${found[0]!.line}`,
        fix,
      };
    },
  };
}

/** Weights that the loss does not depend on. */
export const unusedWeight = diagnosisOf(
  'unused-weight',
  ['not-used', 'result-not-used'],
  'Weights never change: the loss does not depend on them.',
  'use the layer in call, or take it away; a layer that is meant to wait: trainable: false',
);

/** Weights that are cut off from the loss by the user. */
export const tooMuchDetach = diagnosisOf(
  'too-much-detach',
  ['stop-gradient', 'host-copy', 'custom-rule'],
  'Weights never change: the way from the loss back to them is cut.',
  'take the stopGradient, noGrad or read of the value away from what is to be trained, compute it inside of the function ' +
    'given to minimize, or set trainable: false on it',
);

const FLAT_OP = diagnosisOf(
  'non-differentiable-op',
  ['non-differentiable', 'host-read'],
  'Weights never change: on the way to the loss stands an operation whose derivative is zero, or that has none.',
  'use a smooth stand-in (softmax for argMax, sigmoid for a threshold), or straightThrough to let the gradient pass; ' +
    'what JavaScript computes from numbers: by functions of tf, or by defineVjp with a derivative of your own',
);

/** Weights behind an operation without a useful derivative. */
export const nonDifferentiableOp: Diagnosis = {
  cause: FLAT_OP.cause,
  needs: 'epoch',
  examine(evidence) {
    const error = errorsOf(evidence.error).find(
      (one): one is AdjointError => one instanceof AdjointError && one.kind === 'no-kernel-gradient',
    );
    if (error === undefined) return FLAT_OP.examine(evidence);
    return {
      symptom: 'The first step ends with an error: on the way to the loss stands an operation without a derivative.',
      evidence: `${error.where}: ${error.received ?? error.kind}`,
      where: error.where,
      fix: error.fix ?? 'use a smooth stand-in, straightThrough, or defineVjp',
    };
  },
};
