import { normal, rngKey, tf } from 'adjoint';

export const FEATURES = 40;
/** Features that the labels depend on. */
const USEFUL = 8;
const NOISE = 1;

/** Features `[examples, 40]` and labels `[examples, 1]`. */
export interface Examples {
  readonly x: tf.Tensor2D;
  readonly y: tf.Tensor2D;
}

/** Noisy labels that depend linearly on the first few features. */
export function drawExamples(count: number, seed: number, name: string): Examples {
  const draw = (what: string, shape: [number, number]): tf.Tensor2D =>
    tf.tensor2d(Float32Array.from(normal(rngKey(seed, name, what), shape[0] * shape[1])), shape);
  return tf.tidy(() => {
    const truth = tf.concat([tf.ones([USEFUL, 1]), tf.zeros([FEATURES - USEFUL, 1])]) as tf.Tensor2D;
    const x = draw('features', [count, FEATURES]);
    const y = tf.add(tf.matMul(x, truth), tf.mul(NOISE, draw('noise', [count, 1]))) as tf.Tensor2D;
    return { x, y } as unknown as tf.TensorContainerObject;
  }) as unknown as Examples;
}
