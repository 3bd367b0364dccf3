import { drawCurve } from './draw-curve.js';

/** Points before the lowest one without which there is no fall to speak of. */
const LEAST_POINTS = 5;
/** Half the stretch over which a slope is taken, as a share of the curve. */
const REACH = 0.06;

/**
 * What `findLearningRate` found: the loss at each learning rate that was tried, and the rate it suggests.
 *
 * Formula: `smoothedLosses` are the losses under an exponential average that runs forwards and then backwards, so that it
 * shifts nothing along the axis, with those that explode cut down to the highest one before the lowest; `suggestion` is the rate at which they fall steepest over the logarithm of the rate, before
 * their lowest point.
 *
 * When to use: look at the curve, not at the suggestion alone. A good highest rate for `OneCycle` lies between the suggestion
 * and a third of the rate at the lowest point; a constant rate for Adam is about the suggestion or a little less.
 *
 * @example
 * ```ts
 * import { LearningRateCurve } from 'adjoint';
 *
 * const rates = Array.from({ length: 40 }, (_, i) => 10 ** (-6 + i / 8));
 * const curve = new LearningRateCurve(rates, rates.map((rate) => 1 / (1 + 1e4 * rate) + rate), { smoothing: 0.5 });
 * console.log(curve.suggestion!.toExponential(0)); // 1e-4
 * console.log(String(curve).split('\n').length); // 14
 * ```
 *
 * @see Smith, "Cyclical learning rates for training neural networks" (2017), https://arxiv.org/abs/1506.01186
 */
export class LearningRateCurve {
  /** Rates in the order tried, rising. */
  readonly learningRates: readonly number[];
  /** Loss of the batch of each step, before its update. */
  readonly losses: readonly number[];
  /** The losses, smoothed. */
  readonly smoothedLosses: readonly number[];
  /** Suggested learning rate; `null` where the curve gives none, for which see `note`. */
  readonly suggestion: number | null;
  /** Why there is no suggestion; `null` where there is one. */
  readonly note: string | null;

  /**
   * @param learningRates - rising, above 0
   * @param losses - as many; the curve ends before the first that is not finite
   * @param options - `smoothing`: share of the average that each loss leaves as it was, at least 0 and below 1
   */
  constructor(learningRates: readonly number[], losses: readonly number[], options: { readonly smoothing: number }) {
    const bad = losses.findIndex((loss) => !Number.isFinite(loss));
    const count = bad < 0 ? losses.length : bad;
    this.losses = losses.slice(0, count);
    this.learningRates = learningRates.slice(0, count);
    this.smoothedLosses = smoothBothWays(withoutExplosion(this.losses), options.smoothing);
    const found = this.steepest(options.smoothing);
    this.suggestion = typeof found === 'number' ? this.learningRates[found]! : null;
    this.note = typeof found === 'number' ? null : found;
  }

  /** The curve in characters, with the suggestion below it. */
  toString(): string {
    const { learningRates, smoothedLosses, suggestion, note } = this;
    if (learningRates.length === 0) return `no learning rate found: ${note}`;
    const drawing = drawCurve({
      values: smoothedLosses,
      mark: suggestion === null ? null : learningRates.indexOf(suggestion),
      format: (value) => value.toPrecision(3),
      labels: [
        formatRate(learningRates[0]!),
        formatRate(learningRates.at(-1)!),
        `${formatRate(suggestion ?? 0)} suggested`,
      ],
    });
    const title = 'smoothed loss over learning rate (logarithmic)';
    return [title, drawing, ...(note === null ? [] : [`no learning rate suggested: ${note}`])].join('\n');
  }

  /** Index of the steepest fall, or why there is none. */
  private steepest(smoothing: number): number | string {
    const { losses, learningRates, smoothedLosses } = this;
    if (losses.length === 0) return 'the loss was not finite from the first step on; scale the data';
    const lowest = smoothedLosses.indexOf(Math.min(...smoothedLosses));
    if (Math.min(lowest, losses.indexOf(Math.min(...losses))) < LEAST_POINTS)
      return 'the loss did not fall; start at a smaller rate, or look at the data';
    // Smoothed once more without what lies beyond the lowest point, whose height would flatten the fall before it.
    const falling = smoothBothWays(losses.slice(0, lowest + 1), smoothing);
    if (falling[0]! - falling[lowest]! <= deviation(losses, falling)) {
      return 'the loss fell by less than the batches differ; take more steps or larger batches';
    }
    // Over a stretch: the slope between neighbours is mostly noise.
    const reach = Math.max(1, Math.min(Math.round(losses.length * REACH), Math.floor(lowest / 2)));
    let best = reach;
    let steepest = Infinity;
    for (let i = reach; i + reach <= lowest; i++) {
      const width = Math.log(learningRates[i + reach]! / learningRates[i - reach]!);
      const slope = (falling[i + reach]! - falling[i - reach]!) / width;
      if (slope < steepest) [best, steepest] = [i, slope];
    }
    return best;
  }
}

/** One exploding loss would outweigh all before it: none counts for more than the highest before the lowest. */
function withoutExplosion(losses: readonly number[]): number[] {
  const before = losses.slice(0, losses.indexOf(Math.min(...losses)) + 1);
  const highest = Math.max(...before);
  return losses.map((loss) => Math.min(loss, highest));
}

/** Standard deviation of losses around their smoothed course, as far as that goes. */
function deviation(losses: readonly number[], smoothed: readonly number[]): number {
  return Math.sqrt(smoothed.reduce((sum, value, i) => sum + (losses[i]! - value) ** 2, 0) / smoothed.length);
}

function formatRate(rate: number): string {
  return rate >= 1e-3 && rate < 1000 ? rate.toPrecision(2) : rate.toExponential(1);
}

/** An exponential average, corrected for its start at 0. */
export class RunningAverage {
  private sum = 0;
  private weight = 0;

  constructor(private readonly smoothing: number) {}

  add(value: number): number {
    this.sum = this.smoothing * this.sum + (1 - this.smoothing) * value;
    this.weight = this.smoothing * this.weight + 1 - this.smoothing;
    return this.sum / this.weight;
  }
}

function smoothBothWays(values: readonly number[], smoothing: number): number[] {
  const once = (list: readonly number[]): number[] => {
    const average = new RunningAverage(smoothing);
    return list.map((value) => average.add(value));
  };
  return once(once(values).reverse()).reverse();
}
