import { disposeBatch, toDeviceBatch } from '../../training/device-batch.js';
import { readWeights, writeWeights } from '../../training/weight-access.js';
import type { Trainable } from '../../training/trainable.js';
import type { WeightSnapshot } from '../../training/weight-snapshot.js';
import { ConstantSchedule } from '../../optimizers/schedules/constant-schedule.js';
import { attempt, fewRows, take, type Evidence } from '../evidence.js';
import { withStateKept } from '../kept-state.js';
import { oneStep } from '../trial-training.js';
import { tf } from '../../engine/tfjs.js';
import { formatNumber } from '../statistics.js';
import { norm } from '../look-inside.js';
import type { Diagnosis, Finding } from './diagnosis.js';
import { rateOf } from './learning-rate-trial.js';

export const STEPS = 7;
/** Sums grow by the same vector each time, to rounding; what momentum 0.99 adds shrinks by 4 % over these steps. */
const EVEN = 0.02;
/** Of the update itself: less may be rounding, or an optimizer that settles. */
const LEAST_GROWTH = 0.03;
/** Of a sum behind an average: growth that does not fall behind what it was, for so long, and in one direction. */
const LONG = { steps: 40, shrinks: 0.95, along: 0.95, times: 3 };

/** Updates by the sum of all gradients there ever were. */
export const unzeroedGradients: Diagnosis = {
  cause: 'unzeroed-gradients',
  needs: 'first-batch',
  examine(evidence) {
    const updates = attempt(() => repeatedUpdates(evidence));
    return updates === null ? null : judgeUpdates(updates);
  },
};

/** From the same weights, on the same batch, with the same draws: what each of some steps changes. */
function repeatedUpdates(evidence: Evidence): Float32Array[] {
  const { model, plan, state, batches, initialWeights } = evidence;
  const rate = rateOf(evidence);
  // A rate that warms up would grow, too.
  const settings = rate === null ? plan : { ...plan, sweep: new ConstantSchedule({ learningRate: rate }) };
  const batch = toDeviceBatch(take(batches[0]!, fewRows(batches[0]!)));
  try {
    return withStateKept(() => {
      const updates: Float32Array[] = [];
      while (
        updates.length < LONG.steps &&
        (updates.length < STEPS || judgeUpdates(updates) === null) &&
        mayBeSums(updates)
      ) {
        writeTrainable(model, initialWeights);
        const draws = state.randomStep.read();
        tf.tidy(() => void oneStep(model, settings, state, batch));
        state.randomStep.assign(draws);
        draws.dispose();
        updates.push(changes(model, initialWeights));
      }
      return updates;
    });
  } finally {
    disposeBatch(batch);
  }
}

/** Writes back what is trained: other weights may be sums that a step keeps. */
export function writeTrainable(model: Trainable, weights: WeightSnapshot): void {
  const tree = model.weightTree();
  writeWeights(model, new Map([...weights].filter(([path]) => tree.get(path)?.trainable === true)));
}

/** What lies between two states of the trained weights, as one vector. */
export function changes(model: Trainable, before: WeightSnapshot): Float32Array {
  const after = readWeights(model);
  const tree = model.weightTree();
  const trained = [...before].filter(([path]) => tree.get(path)?.trainable === true);
  const parts = trained.map(([path, { values }]) => after.get(path)!.values.map((value, i) => value - values[i]!));
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let next = 0;
  for (const part of parts) {
    whole.set(part, next);
    next += part.length;
  }
  return whole;
}

/** Whether the updates so far may go on to grow: most runs are through with the second. */
function mayBeSums(updates: readonly Float32Array[]): boolean {
  if (updates.length < 2) return true;
  const growth = growthOf(updates);
  const sizes = growth.map(norm);
  const [last, before] = [growth.at(-1)!, growth.at(-2)];
  const isLarge = sizes.at(-1)! > LEAST_GROWTH * norm(updates[0]!);
  return (
    isLarge && sizes.at(-1)! >= LONG.shrinks * Math.max(...sizes) && (!before || cosine(last, before) > LONG.along)
  );
}

function growthOf(updates: readonly Float32Array[]): Float32Array[] {
  return updates.slice(1).map((update, i) => update.map((value, k) => value - updates[i]![k]!));
}

function cosine(a: Float32Array, b: Float32Array): number {
  const product = a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  return product / (norm(a) * norm(b));
}

/** Whether updates that should be alike grow by the same amount each time. */
export function judgeUpdates(updates: readonly Float32Array[]): Finding | null {
  if (updates.length < STEPS) return null;
  const growth = growthOf(updates);
  const sizes = growth.map(norm);
  const [first, last] = [updates[0]!, updates.at(-1)!].map(norm) as [number, number];
  const early = growth[0]!;
  if (!Number.isFinite(last) || early.length === 0 || !(sizes[0]! > LEAST_GROWTH * first)) return null;
  const apart = growth.map((other) => norm(other.map((value, i) => value - early[i]!)) / sizes[0]!);
  const isEven = Math.max(...apart) < EVEN && sizes[0]! > LEAST_GROWTH * last;
  const goesOn = updates.length >= LONG.steps && last > LONG.times * first;
  if (!isEven && !goesOn) return null;
  return {
    symptom:
      'The first steps look right, then updates grow and the loss swings ever wider: old gradients are never set to zero.',
    evidence:
      `on the same batch, from the same weights, each step's update is larger than the one before` +
      `${isEven ? ' by the same vector' : ', and its growth does not fall off'}: ` +
      `norm ${formatNumber(first)} at first, ${formatNumber(last)} after ${updates.length} steps`,
    where: 'the sum of gradients',
    fix: 'set the sum to zero after each update: sum.assign(tf.zerosLike(sum)); or accumulateSteps in compile, which does',
  };
}
