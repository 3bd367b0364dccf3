import {
  explainMissingGradients,
  type MissingGradient,
  type MissingGradientReason,
} from '../../training/explain-missing-gradient.js';
import { AdjointError, GradientError } from '../../core/errors.js';
import { attempt, type Evidence } from '../evidence.js';
import { withStateKept } from '../kept-state.js';
import type { Diagnosis, Finding } from './diagnosis.js';

/** Weights are told of by name up to here. */
const LISTED = 4;
const LEAST_READINGS = 1;

const explained = new WeakMap<Evidence, readonly MissingGradient[]>();

/** Why weights had no gradient, or none but zeros, at every step that was measured. */
function missing(evidence: Evidence): readonly MissingGradient[] {
  const known = explained.get(evidence);
  if (known !== undefined) return known;
  const paths = suspects(evidence);
  const { model, plan, state, batches } = evidence;
  const [batch] = batches;
  const found =
    paths.length === 0 || batch === undefined
      ? []
      : (attempt(() => withStateKept(() => explainMissingGradients(model, plan, state, batch, paths))) ?? []);
  explained.set(evidence, found);
  return found;
}

function suspects({ model, readings, error }: Evidence): string[] {
  const trainable = [...model.weightTree()].flatMap(([path, weight]) => (weight.trainable ? [path] : []));
  if (errorsOf(error).some((one) => one instanceof GradientError && one.kind === 'nothing-to-train')) return trainable;
  if (readings.length < LEAST_READINGS) return [];
  // A weight that one objective does without may be another's.
  return trainable.filter((path) =>
    readings.every(({ weights, withoutGradient }) => {
      const size = weights[path]?.gradientNorm;
      return size === undefined ? withoutGradient.includes(path) : size === 0;
    }),
  );
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

function diagnosisOf(
  cause: Diagnosis['cause'],
  reasons: readonly MissingGradientReason[],
  symptom: string,
  fix: string,
): Diagnosis {
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
  ['stop-gradient', 'host-read', 'custom-rule'],
  'Weights never change: the way from the loss back to them is cut.',
  'take the stopGradient, noGrad or read of the value away from what is to be trained, or set trainable: false on it',
);

const FLAT_OP = diagnosisOf(
  'non-differentiable-op',
  ['non-differentiable'],
  'Weights never change: on the way to the loss stands an operation whose derivative is zero, or that has none.',
  'use a smooth stand-in (softmax for argMax, sigmoid for a threshold), or straightThrough to let the gradient pass',
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
