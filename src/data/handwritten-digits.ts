import { IsInt, Max, Min } from 'class-validator';
import { parseOptions, type OptionsInput } from '../core/parse-options.js';
import { sineCosineOfTurns } from '../core/portable-math.js';
import { normal, rngKey, uniform, type RngKey } from '../core/rng-key.js';
import { digitStrokes, type DigitVariant } from './digit-strokes.js';
import { drawDigit, IMAGE_SIDE, type Handwriting } from './draw-digit.js';
import type { DigitDataset, LabelledImages } from './mnist.js';

// Taken out of the global object once: inside a vm context, as test runners use, each look-up of a global is slow.
const { floor, max, min, round } = Math;

/** Options of {@link handwrittenDigits}. */
export class HandwrittenDigitsOptions {
  /** Number of digits to train with. Default 8000. */
  @IsInt() @Min(1) @Max(1_000_000) train: number = 8000;
  /** Number of digits to test with. Default 2000. */
  @IsInt() @Min(1) @Max(1_000_000) test: number = 2000;
  /** Seed; equal seeds give equal digits on every machine. Default 0. */
  @IsInt() @Min(0) @Max(Number.MAX_SAFE_INTEGER) seed: number = 0;
}

/** How much hands differ: standard deviations, and ranges where two numbers stand. */
const SPREAD = {
  /** Of each point of a path, in units of the digit's box. */
  point: 0.03,
  /** Of the corners of the grid that bends the whole digit. */
  warp: 0.057,
  /** Of a stroke's shift against the others. */
  stroke: 0.02,
  slant: 0.22,
  turns: 0.026,
  aspect: [0.55, 1.05],
  scale: [0.8, 1.08],
  radius: [0.7, 1.75],
  /** Of the pen's radius along a stroke, against the radius. */
  pressure: 0.14,
  /** Of the centre of mass, in pixels. */
  offset: 0.9,
  ink: [0.75, 1],
  noise: 0.06,
} as const;

/**
 * Makes handwritten-like digits: strokes as people draw them, in several ways of writing each digit, with jittered points, slant, rotation, width,
 * thickness, pressure, bends and noise, drawn as MNIST has its digits.
 *
 * When to use: to try a network on a machine without data or network. They are no substitute for MNIST: accuracies on them say nothing
 * about real handwriting. A linear softmax stays below 0.90 on them.
 *
 * Shapes: `x` `[examples, 28, 28, 1]` float32 in [0, 1], `y` `[examples]` int32. Digit i of a split depends on the seed, the split and i only.
 *
 * @throws OptionsError if an option is unknown or invalid
 *
 * @example
 * ```ts
 * import { handwrittenDigits } from 'adjoint';
 *
 * const { train, test } = handwrittenDigits({ train: 100, test: 20, seed: 1 });
 * console.log(train.x.shape, test.y.shape); // [100, 28, 28, 1] [20]
 * ```
 */
export function handwrittenDigits(options: OptionsInput<HandwrittenDigitsOptions> = {}): DigitDataset {
  const { train, test, seed } = parseOptions(HandwrittenDigitsOptions, options, 'handwrittenDigits');
  return {
    train: makeSplit(rngKey(seed, 'handwritten-digits', 'train'), train),
    test: makeSplit(rngKey(seed, 'handwritten-digits', 'test'), test),
  };
}

function makeSplit(key: RngKey, count: number): LabelledImages {
  const pixels = IMAGE_SIDE * IMAGE_SIDE;
  const values = new Float32Array(count * pixels);
  const labels = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const sample = key.foldIn(i);
    const draws = uniform(sample, 8);
    labels[i] = floor(draws[0]! * 10);
    const variants = digitStrokes[labels[i]!]!;
    const variant = variants[floor(draws[1]! * variants.length)]!;
    const ink = drawDigit(variant, handwriting(sample.child('hand'), variant));
    values.set(develop(ink, sample.child('paper')), i * pixels);
  }
  return {
    x: { values, shape: [count, IMAGE_SIDE, IMAGE_SIDE, 1], dtype: 'float32' },
    y: { values: labels, shape: [count], dtype: 'int32' },
  };
}

const rotation = new Float64Array(2);
const phase = new Float64Array(2);

function handwriting(key: RngKey, variant: DigitVariant): Handwriting {
  const even = uniform(key, 4 + 2 * variant.length);
  const between = ([low, high]: readonly [number, number], i: number): number => low + (high - low) * even[i]!;
  const strayed = normal(key, 256);
  let used = 0;
  const stray = (deviation: number): number => deviation * strayed[used++]!;

  sineCosineOfTurns(stray(SPREAD.turns), rotation);
  const [sine, cosine] = rotation as unknown as [number, number];
  const width = between(SPREAD.aspect, 0);
  const slant = stray(SPREAD.slant);
  const offset = [stray(SPREAD.offset), stray(SPREAD.offset)] as const;
  const shifts = variant.map(() => [stray(SPREAD.stroke), stray(SPREAD.stroke)] as const);
  const grid = Array.from({ length: 18 }, () => stray(SPREAD.warp));
  const pen = between(SPREAD.radius, 1);
  const pressures = variant.map(() => stray(SPREAD.pressure));

  return {
    // Rotation after slant after width; upright y, so a positive slant leans right.
    linear: [cosine * width, -cosine * slant - sine, sine * width, cosine - sine * slant],
    displace: (x, y, stroke) => [
      bend(grid, 0, x, y) + shifts[stroke]![0] + stray(SPREAD.point),
      bend(grid, 9, x, y) + shifts[stroke]![1] + stray(SPREAD.point),
    ],
    radius: (stroke, place) => {
      sineCosineOfTurns(even[4 + 2 * stroke]! + place * (0.5 + even[5 + 2 * stroke]!), phase);
      return pen * (1 + pressures[stroke]! * phase[0]!);
    },
    scale: between(SPREAD.scale, 2),
    offset,
  };
}

/** The displacement at a point of the box, between those at the nine points of a 3 by 3 grid. */
function bend(grid: readonly number[], start: number, x: number, y: number): number {
  const [u, v] = [min(1.999, max(0, 2 * x)), min(1.999, max(0, 2 * y))];
  const [column, row] = [floor(u), floor(v)];
  const [a, b] = [u - column, v - row];
  const at = (i: number, j: number): number => grid[start + 3 * j + i]!;
  const above = (1 - a) * at(column, row) + a * at(column + 1, row);
  const below = (1 - a) * at(column, row + 1) + a * at(column + 1, row + 1);
  return (1 - b) * above + b * below;
}

/** The ink on paper: darker or paler, and grainy, in the 256 steps of a scanner. The paper stays black. */
function develop(ink: Float32Array, key: RngKey): Float32Array {
  const level = SPREAD.ink[0] + (SPREAD.ink[1] - SPREAD.ink[0]) * uniform(key, 1)[0]!;
  const grain = normal(key, ink.length);
  return ink.map((value, i) => {
    if (value <= 0) return 0;
    const seen = value * level * (1 + SPREAD.noise * grain[i]!);
    return round(255 * min(1, max(0, seen))) / 255;
  });
}
