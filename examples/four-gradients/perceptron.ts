import { normal, rngKey, tf, type Tensor } from 'adjoint';
import type { Arithmetic } from './arithmetic.js';

/**
 * A perceptron of two inputs, one layer of tanh and one output. Its weights stand in a row, four for each hidden unit (for the
 * first input, for the second, bias, to the output), then the bias of the output.
 */
const weightCount = (hidden: number): number => 4 * hidden + 1;

export interface Point {
  readonly inputs: readonly [number, number];
  readonly target: number;
}

// float32 numbers, so that tensors can take them as they are.
const draws = (name: string, count: number): number[] => [...normal(rngKey(1, name), count)];

const points: readonly Point[] = Array.from({ length: 8 }, (_, i) => {
  const [first, second, target] = draws(`point ${i}`, 3);
  return { inputs: [first!, second!], target: target! };
});

export const makeWeights = (hidden: number): number[] => draws('weights', weightCount(hidden));

/** Mean squared error over the points, in any arithmetic. */
export function loss<Num>(math: Arithmetic<Num>, weights: readonly Num[]): Num {
  const hidden = (weights.length - 1) / 4;
  let total = math.constant(0);
  for (const { inputs, target } of points) {
    const [first, second] = inputs.map((input) => math.constant(input)) as [Num, Num];
    let output: Num = weights.at(-1)!;
    for (let unit = 0; unit < hidden; unit++) {
      const [toFirst, toSecond, bias, toOutput] = weights.slice(4 * unit, 4 * unit + 4) as [Num, Num, Num, Num];
      const sum = math.add(math.add(math.multiply(toFirst, first), math.multiply(toSecond, second)), bias);
      output = math.add(output, math.multiply(toOutput, math.tanh(sum)));
    }
    const error = math.subtract(math.constant(target), output);
    total = math.add(total, math.multiply(error, error));
  }
  return math.multiply(total, math.constant(1 / points.length));
}

/** The gradient of {@link loss}, worked out on paper. */
export function manualGradient(weights: readonly number[]): number[] {
  const hidden = (weights.length - 1) / 4;
  const gradient = weights.map(() => 0);
  for (const { inputs, target } of points) {
    let output = weights.at(-1)!;
    const activations = Array.from({ length: hidden }, (_, unit) => {
      const at = 4 * unit;
      const activation = Math.tanh(weights[at]! * inputs[0] + weights[at + 1]! * inputs[1] + weights[at + 2]!);
      output += weights[at + 3]! * activation;
      return activation;
    });
    const outputError = (2 / points.length) * (output - target);
    gradient[4 * hidden]! += outputError;
    activations.forEach((activation, unit) => {
      const at = 4 * unit;
      const unitError = outputError * weights[at + 3]! * (1 - activation * activation);
      gradient[at]! += unitError * inputs[0];
      gradient[at + 1]! += unitError * inputs[1];
      gradient[at + 2]! += unitError;
      gradient[at + 3]! += outputError * activation;
    });
  }
  return gradient;
}

/** {@link loss} in tensors, of the weights `[4 hidden + 1]`. */
export function tensorLoss(weights: Tensor): Tensor {
  const hidden = (weights.size - 1) / 4;
  const [toFirst, toSecond, bias, toOutput] = tf.split(tf.reshape(tf.slice(weights, 0, 4 * hidden), [hidden, 4]), 4, 1);
  const inputs = tf.tensor2d(points.map((point) => [...point.inputs]));
  const targets = tf.tensor2d(points.map(({ target }) => [target]));
  const kernel = tf.concat([toFirst!, toSecond!], 1);
  const activation = tf.tanh(tf.add(tf.matMul(inputs, kernel, false, true), tf.squeeze(bias!, [1])));
  const output = tf.add(tf.matMul(activation, toOutput!), tf.slice(weights, 4 * hidden, 1));
  return tf.mean(tf.square(tf.sub(output, targets)));
}
