import { layers } from '../../src/layers/layers.js';
import type { CompileOptions } from '../../src/model/compile-options.js';
import { sequential } from '../../src/model/sequential.js';
import type { BaseModel } from '../../src/model/base-model.js';
import { SGD } from '../../src/optimizers/sgd.js';
import { tf } from '../../src/engine/tfjs.js';
import { weightsOf } from './models.js';

/** `prediction = x . w`, three inputs, with weights that a hand computation can follow in double precision. */
export const LINEAR_PATH = 'dense/kernel';
export const LINEAR_START = [0.5, -0.25, 1] as const;
export const LINEAR_RATE = 0.1;

/** One batch: rows of three numbers, and a label for each. */
export interface LinearBatch {
  readonly x: readonly (readonly number[])[];
  readonly y: readonly number[];
}

/** The gradient of the mean squared error by the three weights. */
export function linearGradient({ x, y }: LinearBatch, w: readonly number[]): number[] {
  return w.map((_, k) => {
    const terms = x.map((row, i) => 2 * row[k]! * (row.reduce((sum, value, j) => sum + value * w[j]!, 0) - y[i]!));
    return terms.reduce((sum, term) => sum + term, 0) / x.length;
  });
}

export function linearLoss({ x, y }: LinearBatch, w: readonly number[]): number {
  const errors = x.map((row, i) => row.reduce((sum, value, j) => sum + value * w[j]!, 0) - y[i]!);
  return errors.reduce((sum, error) => sum + error * error, 0) / x.length;
}

export const normOfNumbers = (values: readonly number[]): number => Math.hypot(...values);

/** Irregular batches of four rows; the labels of those in `spikes` are a thousand times as large. */
export function linearBatches(count: number, spikes: readonly number[] = []): LinearBatch[] {
  return Array.from({ length: count }, (_, b) => {
    const at = (i: number) => Math.fround(Math.sin(12.9898 * (i + 16 * b + 1)));
    const factor = spikes.includes(b) ? 1000 : 1;
    return {
      x: Array.from({ length: 4 }, (_, i) => [at(3 * i), at(3 * i + 1), at(3 * i + 2)]),
      y: Array.from({ length: 4 }, (_, i) => Math.fround(factor * at(12 + i))),
    };
  });
}

/** The model of the hand computation, compiled with plain gradient descent. */
export function linearModel(options: Partial<CompileOptions>): BaseModel {
  const model = sequential([layers.dense({ units: 1, useBias: false, inputShape: [3] })]);
  model.compile({ optimizer: new SGD({ learningRate: LINEAR_RATE }), loss: 'meanSquaredError', ...options });
  const start = tf.tensor2d([...LINEAR_START], [3, 1]);
  model.setWeights([start]);
  start.dispose();
  return model;
}

/** Rows and labels of batches, for a `fit` with `batchSize: 4, shuffle: false`. */
export function rowsOfBatches(batches: readonly LinearBatch[]): { x: number[][]; y: number[][] } {
  return {
    x: batches.flatMap(({ x }) => x.map((row) => [...row])),
    y: batches.flatMap(({ y }) => y.map((value) => [value])),
  };
}

export function linearWeights(model: BaseModel): number[] {
  return weightsOf(model)[LINEAR_PATH]!;
}
