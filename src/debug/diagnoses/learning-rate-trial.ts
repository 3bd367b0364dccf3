import { ConstantSchedule } from '../../optimizers/schedules/constant-schedule.js';
import { meanOf, type Evidence } from '../evidence.js';

/** So many steps tell rates that are ten times apart. */
const MOST_STEPS = 60;
const LEAST_STEPS = 12;
/** A loss that has grown by so much in a trial comes of the rate, not of which batches stand at its end. */
const HOPELESS = 2;

/** Losses of a short training at a multiple of the learning rate. */
export interface RateTrial {
  readonly rate: number;
  readonly first: number;
  /** Mean of the last quarter; infinite where the loss was not finite. */
  readonly last: number;
}

/** The learning rate of the next step; `null` where it is not a number above 0. */
export function rateOf({ plan }: Evidence): number | null {
  const rate = plan.sweep === undefined ? plan.optimizer.learningRate : NaN;
  return Number.isFinite(rate) && rate > 0 ? rate : null;
}

const known = new WeakMap<Evidence, Map<number, RateTrial>>();

/** Trains from the initial weights, on the first batches, at some multiples of the learning rate. */
export function tryRates(evidence: Evidence, factors: readonly number[]): RateTrial[] | null {
  const rate = rateOf(evidence);
  if (rate === null) return null;
  const steps = Math.max(LEAST_STEPS, Math.min(MOST_STEPS, evidence.losses.length));
  const trials: RateTrial[] = [];
  const made = known.get(evidence) ?? new Map<number, RateTrial>();
  known.set(evidence, made);
  for (const factor of factors) {
    const trial = made.get(factor) ?? train(factor);
    made.set(factor, trial);
    if (Number.isNaN(trial.first)) return null;
    trials.push(trial);
    // Larger ones would do no better.
    if (factor > 1 && trial.last > HOPELESS * trial.first) break;
  }
  return trials;

  function train(factor: number): RateTrial {
    const learningRate = rate! * factor;
    const losses = evidence.trial(steps, { sweep: new ConstantSchedule({ learningRate }) });
    const isWhole = losses.length === steps && losses.every(Number.isFinite);
    const tail = losses.slice(-Math.ceil(steps / 4));
    return { rate: learningRate, first: losses[0] ?? NaN, last: isWhole ? meanOf(tail) : Infinity };
  }
}
