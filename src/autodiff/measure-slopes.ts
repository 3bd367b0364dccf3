import { readFloat64 } from '../engine/float64.js';
import { tf, type Tensor } from '../engine/tfjs.js';

/** Steps of the differences, the first that meets no kink is used; powers of two, so that every precision has them exactly. */
const STEPS = {
  float64: [2 ** -10, 2 ** -14, 2 ** -18, 2 ** -22],
  float32: [2 ** -5, 2 ** -7],
} as const;
const EPSILON = { float64: 2 ** -52, float32: 2 ** -23 } as const;
/** How many roundings a value of the function may carry. */
const ROUNDINGS = 16;
/** Roundings of the bend, a second difference, in those of the slope; sums of a million terms use them up. */
const BEND_ROUNDINGS = 4;
/** A jump's slopes double as the step is halved, a kink's stay. */
const JUMP_GROWTH = 1.5;
/** How far the two slopes of a kink may move from one step to the next, as a share of what is between them. */
const KINK_DRIFT = 0.25;

type Precision = keyof typeof STEPS;

/** The function along a direction, at the point. */
export interface Slope {
  readonly numeric: number;
  readonly left: number;
  readonly right: number;
  readonly kind: 'smooth' | 'kink' | 'jump' | 'noise' | 'not-finite';
  /** How much of `numeric` may be rounding. */
  readonly noise: number;
}

interface SlopeQuestion {
  /** The function of the input that is moved; a scalar. */
  readonly valueAt: (point: Tensor) => Tensor;
  readonly point: Tensor;
  /** One for each probe: makes the direction, of the point's shape. */
  readonly directions: readonly (() => Tensor)[];
  /** What the rule gives along each direction. */
  readonly analytic: ArrayLike<number>;
  /** Size of the function's values, from which their rounding follows. */
  readonly magnitude: number;
  /** Differences below this do not matter. */
  readonly negligible: number;
  readonly precision: Precision;
}

/**
 * Slopes by central differences with one Richardson step, which leaves an error of the fourth order in the step. Where
 * one-sided slopes disagree, or the result is not what the rule gives, a smaller step is tried: a kink near the point, such
 * as a relu that is about to switch, is stepped around so; one at the point stays.
 */
export function measureSlopes(question: SlopeQuestion): Slope[] {
  const { directions, analytic, magnitude, negligible, precision } = question;
  const slopes: Slope[] = [];
  const settled = new Set<number>();
  for (const step of STEPS[precision]) {
    const open = directions.map((_, i) => i).filter((i) => !settled.has(i));
    if (open.length === 0) break;
    const noise = (ROUNDINGS * EPSILON[precision] * magnitude) / step;
    const enough = Math.max(negligible, noise);
    const measured = differences(question, open, step);
    for (const [row, i] of open.entries()) {
      const [numeric, left, right, bend, growth] = measured[row]!;
      const kind = !Number.isFinite(numeric)
        ? 'not-finite'
        : Math.abs(bend!) <= Math.max(negligible, BEND_ROUNDINGS * noise)
          ? 'smooth'
          : growth! > JUMP_GROWTH
            ? 'jump'
            : isNoise(left!, right!, slopes[i])
              ? 'noise'
              : 'kink';
      const slope: Slope = { numeric: numeric!, left: left!, right: right!, kind, noise };
      const before = slopes[i];
      const agrees = Math.abs(numeric! - analytic[i]!) <= enough;
      // Two smooth results alike are the slope; of the two, that of the larger step has less rounding.
      const repeated = before?.kind === 'smooth' && Math.abs(numeric! - before.numeric) <= noise;
      if (kind === 'smooth' && (agrees || repeated)) settled.add(i);
      if (before?.kind !== 'smooth' || (settled.has(i) && !repeated)) slopes[i] = slope;
    }
  }
  return slopes;
}

/** The two slopes of a kink stay as the step shrinks; those of a noisy function, such as an iteration cut short, jump about. */
function isNoise(left: number, right: number, before: Slope | undefined): boolean {
  if (before?.kind !== 'kink' && before?.kind !== 'noise') return false;
  return Math.abs(left - before.left) + Math.abs(right - before.right) > KINK_DRIFT * Math.abs(right - left);
}

/** For each probe: slope, slope to the left and to the right, what is left of their difference in a smooth function, its growth. */
function differences({ valueAt, point, directions }: SlopeQuestion, open: readonly number[], step: number): number[][] {
  return tf.tidy(() => {
    const here = valueAt(point);
    const rows = open.map((i) =>
      tf.tidy(() => {
        const direction = directions[i]!();
        return tf.stack(
          [step, -step, step / 2, -step / 2].map((by) =>
            tf.tidy(() => tf.sub(valueAt(tf.add(point, tf.mul(direction, by))), here)),
          ),
        );
      }),
    );
    const [ahead, behind, halfAhead, halfBehind] = tf.unstack(tf.stack(rows), 1) as [Tensor, Tensor, Tensor, Tensor];
    const slope = (numerator: Tensor, run: number): Tensor => tf.div(numerator, run);
    const wide = slope(tf.sub(ahead, behind), 2 * step);
    const narrow = slope(tf.sub(halfAhead, halfBehind), step);
    const numeric = tf.div(tf.sub(tf.mul(4, narrow), wide), 3);
    const [left, right] = [slope(halfBehind, -step / 2), slope(halfAhead, step / 2)];
    const [wideLeft, wideRight] = [slope(behind, -step), slope(ahead, step)];
    const bend = tf.sub(right, left);
    const wideBend = tf.sub(wideRight, wideLeft);
    // In a smooth function the bend is proportional to the step.
    const excess = tf.sub(wideBend, tf.mul(2, bend));
    const growth = tf.abs(tf.div(bend, wideBend));
    const atPoint = (near: Tensor, far: Tensor): Tensor => tf.sub(tf.mul(2, near), far);
    const columns = [numeric, atPoint(left, wideLeft), atPoint(right, wideRight), excess, growth];
    const table = readFloat64(tf.stack(columns, 1));
    return open.map((_, row) => Array.from(table.subarray(5 * row, 5 * row + 5)));
  });
}
