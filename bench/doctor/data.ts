import { handwrittenDigits, integers, normal, permutation, type HostArray } from 'adjoint';
import type { Draw } from './draw.js';

export interface Labelled {
  readonly x: HostArray;
  readonly y: HostArray;
}

export function floats(values: Float32Array, ...shape: number[]): HostArray {
  return { values, shape, dtype: 'float32' };
}

export function classes(values: Int32Array): HostArray {
  return { values, shape: [values.length], dtype: 'int32' };
}

/** Gaussian clouds around one centre a class, each feature of about unit size. */
export function clouds(draw: Draw, rows: number, features: number, count: number, spread = 0.7): Labelled {
  const centres = normal(draw.key('centres'), count * features);
  const noise = normal(draw.key('noise'), rows * features);
  const labels = integers(draw.key('labels'), rows, 0, count);
  const values = noise.map((value, i) => {
    const row = Math.floor(i / features);
    return 0.8 * centres[labels[row]! * features + (i % features)]! + spread * value;
  });
  return { x: floats(values, rows, features), y: classes(labels) };
}

/** A vector of length one. */
function direction(draw: Draw, name: string, features: number): Float32Array {
  const values = normal(draw.key(name), features);
  const length = Math.hypot(...values);
  return values.map((value) => value / length);
}

/** Numbers of unit size to be told from features of unit size: a plane and a wave, with a little noise. */
export function wave(draw: Draw, rows: number, features: number, noise = 0.05): Labelled {
  const values = normal(draw.key('inputs'), rows * features);
  const [plane, turn] = [direction(draw, 'plane', features), direction(draw, 'turn', features)];
  const errors = normal(draw.key('errors'), rows);
  const along = (way: Float32Array, row: number): number =>
    way.reduce((sum, slope, j) => sum + slope * values[row * features + j]!, 0);
  const y = Float32Array.from({ length: rows }, (_, i) => {
    return 0.8 * along(plane, i) + 0.6 * Math.sin(1.5 * along(turn, i)) + noise * errors[i]!;
  });
  return { x: floats(values, rows, features), y: floats(y, rows, 1) };
}

/** Drawn digits as rows of 784 numbers from 0 to 1. */
export function digits(draw: Draw, rows: number): Labelled {
  const { x, y } = handwrittenDigits({ train: rows, test: 1, seed: draw.seed }).train;
  return { x: { ...x, shape: [rows, 784] }, y };
}

/** Labels that belong to other rows. */
export function mixedUp(draw: Draw, { values, ...rest }: HostArray): HostArray {
  const order = permutation(draw.key('mixed-up'), values.length);
  return { ...rest, values: values.map((_, i) => values[order[i]!]!) };
}

export function oneHot(labels: HostArray, count: number): HostArray {
  const rows = labels.values.length;
  const values = new Float32Array(rows * count);
  labels.values.forEach((label, i) => (values[i * count + label] = 1));
  return floats(values, rows, count);
}

export const scaledBy = ({ values, ...rest }: HostArray, factor: number, shift = 0): HostArray => ({
  ...rest,
  values: Float32Array.from(values, (value) => factor * value + shift),
});

/** The first rows and the rest. */
export function split({ x, y }: Labelled, rows: number): [Labelled, Labelled] {
  const part = (array: HostArray, from: number, to: number): HostArray => {
    const width = array.shape.slice(1).reduce((product, size) => product * size, 1);
    return {
      ...array,
      values: array.values.slice(from * width, to * width),
      shape: [to - from, ...array.shape.slice(1)],
    };
  };
  const all = x.shape[0]!;
  return [
    { x: part(x, 0, rows), y: part(y, 0, rows) },
    { x: part(x, rows, all), y: part(y, rows, all) },
  ];
}
