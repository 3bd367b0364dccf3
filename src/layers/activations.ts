import { widened } from '../autodiff/float32.js';
import { relu } from '../autodiff/ops/relu.js';
import { logSoftmax, sigmoid, softmax } from '../autodiff/ops/softmax.js';
import { LookupError, OptionsError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { didYouMean } from '../core/nearest-name.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { elu } from './elu.js';
import { gelu } from './gelu.js';
import { selu } from './selu.js';

/** Slope of leakyRelu below zero, as in Keras. */
const LEAK = 0.2;

/**
 * A curve in float32 also where its input is in half precision: its value and its slope each take several ops, which
 * would round one after the other and go to and fro between the types. On a CPU it is the faster way, too.
 */
const inFloat32 =
  (curve: (x: Tensor) => Tensor) =>
  (x: Tensor): Tensor =>
    curve(widened(x));

const activations = {
  linear: (x: Tensor) => x,
  relu,
  leakyRelu: (x: Tensor) => tf.leakyRelu(x, LEAK),
  elu: inFloat32(elu),
  selu: inFloat32(selu),
  gelu: inFloat32(gelu),
  silu: inFloat32((x) => tf.mul(x, tf.sigmoid(x))),
  sigmoid: inFloat32(sigmoid),
  tanh: inFloat32((x) => tf.tanh(x)),
  softmax: (x: Tensor) => softmax(x),
  logSoftmax: (x: Tensor) => logSoftmax(x),
  softplus: inFloat32((x) => tf.softplus(x)),
} satisfies Record<string, (x: Tensor) => Tensor>;

/** Name of an activation. */
export type ActivationName = keyof typeof activations;

/** What an option `activation` takes: a name, or a function of the tensor written in differentiable ops. */
export type ActivationLike = ActivationName | ((x: Tensor) => Tensor);

/** The known names, for messages and tests. */
export const ACTIVATION_NAMES = Object.keys(activations) as readonly ActivationName[];

/**
 * The function that a name or function stands for.
 *
 * @param where - whose activation it is, as a phrase for errors
 * @throws LookupError [unknown-name], OptionsError [activation-type]
 */
export function resolveActivation(like: ActivationLike, where: string): (x: Tensor) => Tensor {
  if (typeof like === 'function') return like;
  if (typeof like !== 'string') {
    throw new OptionsError('activation-type', {
      where: `activation of ${where}`,
      expected: 'a name, e.g. "relu", or a function of a tensor',
      received: formatValue(like),
    });
  }
  if (Object.hasOwn(activations, like)) return activations[like];
  throw new LookupError('unknown-name', {
    where: `activation of ${where}`,
    expected: 'the name of an activation',
    received: JSON.stringify(like),
    fix: didYouMean(like, ACTIVATION_NAMES),
  });
}
