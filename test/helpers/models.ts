import { expect } from '@jest/globals';
import '../../src/container.js';
import { engine, useEngine } from '../../src/engine/start-engine.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { layers } from '../../src/layers/layers.js';
import type { BaseModel } from '../../src/model/base-model.js';
import { sequential } from '../../src/model/sequential.js';

// Two runs are compared to the bit: a recorded function must not choose its executor by the clock.
useEngine({ deterministic: true });

/** The two ways in which steps are run; what holds in one must hold in the other. */
export const MODES = ['eager', 'recorded'] as const;

/** Irregular numbers between -1 and 1, the same in `test/golden/training.py`. */
export function scattered(count: number, start = 1): number[] {
  return Array.from({ length: count }, (_, i) => Math.sin(12.9898 * (i + start)));
}

/** `[rows][width]` */
export function rowsOf(rows: number, width: number, start = 1): number[][] {
  const values = scattered(rows * width, start);
  return Array.from({ length: rows }, (_, i) => values.slice(i * width, (i + 1) * width));
}

/** Inputs `[rows, 3]` and labels `[rows, 1]` that a linear layer can learn. */
export function linearData(rows: number): { x: number[][]; y: number[][] } {
  const x = rowsOf(rows, 3);
  return { x, y: x.map(([a, b, c]) => [0.5 * a! - b! + 0.25 * c! + 0.1]) };
}

/** Two dense layers, 3 to 4 to 1. */
export function smallModel(): BaseModel {
  return sequential([layers.dense({ units: 4, activation: 'tanh' }), layers.dense({ units: 1 })], { name: 'small' });
}

/** All weights by path, exact. */
export function weightsOf(model: BaseModel): Record<string, number[]> {
  return Object.fromEntries(
    [...model.weightTree()].map(([path, { handle }]) => {
      const value = handle.variable.read();
      const numbers = Array.from(value.dataSync());
      value.dispose();
      return [path, numbers];
    }),
  );
}

/** A tensor's numbers; the tensor is disposed. */
export function taken(tensor: Tensor): number[] {
  const numbers = Array.from(tensor.dataSync());
  tensor.dispose();
  return numbers;
}

/** What a promise is rejected with. */
export async function rejectionOf(promise: Promise<unknown>): Promise<Error> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  expect(outcome).toHaveProperty('error');
  return (outcome as { error: Error }).error;
}

/** What a function throws. */
export function thrownBy(fn: () => unknown): Error {
  try {
    fn();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}

/** Live objects: exact, and flat where nothing leaks. */
export function liveObjects(): { tensors: number; handles: number; variables: number; tfjs: number } {
  const { tensors, handles, variables } = engine().counters();
  return { tensors, handles, variables, tfjs: tf.memory().numTensors };
}
