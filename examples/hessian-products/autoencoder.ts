import { handwrittenDigits, layers, sequential, tf, type Tensor } from 'adjoint';
import { flatWeights } from './flat-weights.js';

/** Digits are averaged over squares of this many pixels. */
const POOL = 4;
const PIXELS = (28 / POOL) ** 2;

/** A network that presses small images through six numbers, as functions of all its weights in one vector. */
export interface Autoencoder {
  readonly initial: Tensor;
  /** Reconstructed images `[batch, pixels]`. */
  outputs(weights: Tensor): Tensor;
  /** Half the squared error of an image, averaged over the images. */
  error(outputs: Tensor): Tensor;
  loss(weights: Tensor): Tensor;
  dispose(): void;
}

export function makeAutoencoder(images: number, seed: number): Autoencoder {
  const { values, shape } = handwrittenDigits({ train: images, test: 1, seed }).train.x;
  const x = tf.tidy(() => {
    const digits = tf.tensor4d(Float32Array.from(values), shape as [number, number, number, number]);
    return tf.reshape(tf.avgPool(digits, POOL, POOL, 'valid'), [-1, PIXELS]);
  });
  const model = sequential([
    layers.dense({ units: 30, activation: 'tanh' }),
    layers.dense({ units: 6 }),
    layers.dense({ units: 30, activation: 'tanh' }),
    layers.dense({ units: PIXELS }),
  ]);
  model.build([null, PIXELS], seed);
  const weights = model.trainableWeightTensors();
  const { toVector, toWeights } = flatWeights(weights);
  const initial = toVector(weights);
  tf.dispose(weights);

  const outputs = (at: Tensor): Tensor => model.withWeights(toWeights(at), () => model.call(x));
  const error = (y: Tensor): Tensor => tf.mul(0.5, tf.mean(tf.sum(tf.square(tf.sub(y, x)), 1)));
  return {
    initial,
    outputs,
    error,
    loss: (at) => error(outputs(at)),
    dispose: () => {
      tf.dispose([initial, x]);
      model.dispose();
    },
  };
}
