import { normal, rngKey, SparseCategoricalCrossentropy, tf, type RngKey, type Tensor } from 'adjoint';

/** Weights of two layers: kernels `[inputs, hidden]` and `[hidden, classes]`, biases `[hidden]` and `[classes]`. */
export type Weights = Record<'kernel1' | 'bias1' | 'kernel2' | 'bias2', Tensor>;

export function makeWeights(inputs: number, hidden: number, classes: number, seed: number): Weights {
  const matrix = (key: RngKey, rows: number, columns: number): Tensor => {
    const scale = Math.sqrt(2 / rows);
    return tf.tensor2d(
      Float32Array.from(normal(key, rows * columns), (draw) => scale * draw),
      [rows, columns],
    );
  };
  return {
    kernel1: matrix(rngKey(seed, 'kernel1'), inputs, hidden),
    bias1: tf.zeros([hidden]),
    kernel2: matrix(rngKey(seed, 'kernel2'), hidden, classes),
    bias2: tf.zeros([classes]),
  };
}

/** The sums and activations of both layers for rows `[batch, inputs]`. */
export function forward({ kernel1, bias1, kernel2, bias2 }: Weights, x: Tensor) {
  const sum1 = tf.add(tf.matMul(x, kernel1), bias1);
  const activation1 = tf.relu(sum1);
  const logits = tf.add(tf.matMul(activation1, kernel2), bias2);
  return { sum1, activation1, logits };
}

const crossentropy = new SparseCategoricalCrossentropy({ fromLogits: true });

/** Mean cross-entropy of the softmax of the logits. */
export function loss(weights: Weights, x: Tensor, labels: Tensor): Tensor {
  return crossentropy.compute(labels, forward(weights, x).logits);
}

/** The gradient of {@link loss} by every weight, as the four equations of backpropagation give it. */
export function backpropagate(weights: Weights, x: Tensor, labels: Tensor): Weights {
  const { sum1, activation1, logits } = forward(weights, x);
  const [examples, classes] = logits.shape as [number, number];
  const targets = tf.oneHot(labels as tf.Tensor1D, classes);

  // BP1, the error of the last layer: softmax and cross-entropy together leave prediction minus target.
  const error2 = tf.div(tf.sub(tf.softmax(logits), targets), examples);
  // BP2, the error of the layer before: sent back through the kernel, and through the slope of relu.
  const error1 = tf.mul(tf.matMul(error2, weights.kernel2, false, true), tf.step(sum1));

  return {
    // BP3, a bias: the error itself, summed over the batch.
    bias1: tf.sum(error1, 0),
    bias2: tf.sum(error2, 0),
    // BP4, a kernel: what came in times the error that goes out.
    kernel1: tf.matMul(x, error1, true),
    kernel2: tf.matMul(activation1, error2, true),
  };
}
