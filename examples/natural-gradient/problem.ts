import { normal, rngKey, tf, uniform, type Tensor } from 'adjoint';

export const FEATURES = 10;

/** Logistic regression: features `[examples, 10]`, and labels 0 and 1 `[examples, 1]`. */
export interface Problem {
  readonly x: Tensor;
  readonly y: Tensor;
}

/** Labels that features of one size decide by chance: the problem as it should be. */
export function drawProblem(examples: number, seed: number): Problem {
  const key = rngKey(seed, 'problem');
  return tf.tidy(() => {
    const x = tf.tensor2d(Float32Array.from(normal(key.child('features'), examples * FEATURES)), [examples, FEATURES]);
    const truth = tf.tensor2d(
      Array.from({ length: FEATURES }, (_, i) => (i % 2 === 0 ? 1 : -1)),
      [FEATURES, 1],
    );
    const chance = tf.tensor2d(Float32Array.from(uniform(key.child('labels'), examples)), [examples, 1]);
    const y = tf.cast(tf.less(chance, tf.sigmoid(tf.matMul(x, truth))), 'float32');
    return { x, y } as unknown as tf.TensorContainerObject;
  }) as unknown as Problem;
}

/** The same labels and the same information, with features in units from 0.1 to 10. */
export function badlyScaled({ x, y }: Problem): Problem {
  const exponents = Array.from({ length: FEATURES }, (_, i) => (2 * i) / (FEATURES - 1) - 1);
  return { x: tf.tidy(() => tf.mul(x, tf.tensor1d(exponents.map((exponent) => 10 ** exponent)))), y };
}

/** What the model gives for weights `[10, 1]`: the logarithm of the odds that a label is 1. */
export function logits(weights: Tensor, x: Tensor): Tensor {
  return tf.matMul(x as tf.Tensor2D, weights as tf.Tensor2D);
}

/** The mean negative log-likelihood of the labels: cross-entropy, which makes `fisherVectorProduct` the Fisher matrix. */
export function negativeLogLikelihood(logitsOfOne: Tensor, y: Tensor): Tensor {
  return tf.losses.sigmoidCrossEntropy(y, logitsOfOne);
}
