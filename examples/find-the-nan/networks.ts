import { Adam, layers, sequential, SparseCategoricalCrossentropy, tf, type Sequential, type Tensor } from 'adjoint';

const CLASSES = 10;

/** Cross-entropy as one writes it down: the log of a probability that softmax has rounded to 0 is minus infinity. */
function crossEntropyByHand(labels: Tensor, probabilities: Tensor): Tensor {
  const wanted = tf.oneHot(tf.cast(tf.reshape(labels, [-1]), 'int32'), CLASSES);
  return tf.neg(tf.sum(tf.mul(wanted, tf.log(probabilities)), -1));
}

/** Goes well as long as no probability is rounded to 0, which one image that was not scaled brings about. */
function handmadeLoss(seed: number): Sequential {
  const model = sequential([
    layers.flatten(),
    layers.dense({ units: 64, activation: 'relu', name: 'hidden' }),
    layers.dense({ units: CLASSES, activation: 'softmax', name: 'probabilities' }),
  ]);
  model.compile({ optimizer: new Adam({ learningRate: 0.005 }), loss: crossEntropyByHand, seed });
  return model;
}

/** Adjoint's loss takes the log of softmax in one formula, which is finite for all logits. */
function mendedLoss(seed: number): Sequential {
  const model = sequential([
    layers.flatten(),
    layers.dense({ units: 64, activation: 'relu', name: 'hidden' }),
    layers.dense({ units: CLASSES, name: 'logits' }),
  ]);
  const loss = new SparseCategoricalCrossentropy({ fromLogits: true });
  model.compile({ optimizer: new Adam({ learningRate: 0.005 }), loss, metrics: ['accuracy'], seed });
  return model;
}

/** The root of features dampens large ones; its slope at 0, where relu leaves half of them, is infinite. */
function withRoot(root: (x: Tensor) => Tensor, seed: number): Sequential {
  const model = sequential([
    layers.flatten(),
    layers.dense({ units: 64, activation: 'relu', name: 'hidden' }),
    layers.activation({ activation: root, name: 'root' }),
    layers.dense({ units: CLASSES, name: 'logits' }),
  ]);
  const loss = new SparseCategoricalCrossentropy({ fromLogits: true });
  model.compile({ optimizer: new Adam({ learningRate: 0.005 }), loss, metrics: ['accuracy'], seed });
  return model;
}

/** A network with a fault, the place where it has to be found, and the same network mended. */
export interface Case {
  readonly name: string;
  readonly faulty: (seed: number) => Sequential;
  readonly mended: (seed: number) => Sequential;
  readonly expected: string;
}

export const CASES: readonly Case[] = [
  {
    name: 'cross-entropy by hand',
    faulty: handmadeLoss,
    mended: mendedLoss,
    expected: 'Log in the forward pass of the loss "crossEntropyByHand"',
  },
  {
    name: 'root of features',
    faulty: (seed) => withRoot(tf.sqrt, seed),
    mended: (seed) => withRoot((x) => tf.sqrt(tf.add(x, 1e-4)), seed),
    expected: 'RealDiv in the backward pass of layer "root"',
  },
];
