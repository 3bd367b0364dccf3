import { drawCurve } from './draw-curve.js';

/** Points at both ends whose slope says little: the first are warm-up of the averages, the last are divergence. */
const LEAST_POINTS = 5;

/**
 * What `findLearningRate` found: the loss at each learning rate that was tried, and the rate it suggests.
 *
 * Formula: `smoothedLosses` are the losses under an exponential average that runs forwards and then backwards, so that it
 * shifts nothing along the axis; `suggestion` is the rate at which they fall steepest over the logarithm of the rate, before
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
    this.smoothedLosses = smoothBothWays(this.losses, options.smoothing);
    const found = this.steepest();
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
  private steepest(): number | string {
    const { losses, learningRates, smoothedLosses: smoothed } = this;
    if (losses.length === 0) return 'the loss was not finite from the first step on; scale the data';
    const lowest = smoothed.indexOf(Math.min(...smoothed));
    if (lowest < LEAST_POINTS) return 'the loss did not fall; start at a smaller rate, or look at the data';
    // What lies beyond the lowest point diverges, and its residuals are no noise of batches.
    const noise = deviation(losses.slice(0, lowest + 1), smoothed);
    if (smoothed[0]! - smoothed[lowest]! <= noise) {
      return 'the loss fell by less than the batches differ; take more steps or larger batches';
    }
    let best = 1;
    let steepest = Infinity;
    for (let i = 1; i < lowest; i++) {
      const slope = (smoothed[i + 1]! - smoothed[i - 1]!) / Math.log(learningRates[i + 1]! / learningRates[i - 1]!);
      if (slope < steepest) [best, steepest] = [i, slope];
    }
    return best;
  }
}

function deviation(losses: readonly number[], smoothed: readonly number[]): number {
  return Math.sqrt(losses.reduce((sum, loss, i) => sum + (loss - smoothed[i]!) ** 2, 0) / losses.length);
}

function formatRate(rate: number): string {
  return rate.toPrecision(2).replace(/\.?0+(e|$)/, '$1');
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
