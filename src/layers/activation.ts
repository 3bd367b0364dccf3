import type { OptionsInput } from '../core/parse-options.js';
import type { Shape } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { resolveActivation, type ActivationLike } from './activations.js';
import { BaseLayer } from './base-layer.js';
import type { CallContext } from './call-context.js';
import { Layer } from './declarations.js';
import { LayerOptions } from './layer-options.js';
import { IsActivation } from './option-validators.js';

/** Options of `layers.activation`. */
export class ActivationOptions extends LayerOptions {
  /** The function, by name or as a function of a tensor. Required. */
  @IsActivation()
  activation!: ActivationLike;
}

/**
 * Applies a function to each element, or for softmax and logSoftmax along the last axis.
 *
 * Formulas: `relu` max(x, 0); `leakyRelu` x or 0.2 x below zero; `elu` x or exp(x) - 1 below zero; `selu` the same scaled
 * by 1.0507 and 1.7581; `gelu` x times the normal distribution function; `silu` x sigmoid(x); `sigmoid` 1 / (1 + exp(-x));
 * `tanh`; `softplus` log(1 + exp(x)); `softmax` exp(x) / sum(exp(x)); `logSoftmax` x - log(sum(exp(x))); `linear` x.
 *
 * Use it where other layers stand between the sum and its activation, such as batch normalisation.
 *
 * Shapes: any, unchanged.
 *
 * @example
 * ```ts
 * import { Activation, tf } from 'adjoint';
 *
 * tf.tidy(() => new Activation({ activation: 'relu' }).call(tf.tensor1d([-1, 2])).print()); // [0, 2]
 * ```
 *
 * @see https://keras.io/api/layers/activations/
 */
@Layer('adjoint/activation', ActivationOptions)
export class Activation extends BaseLayer<ActivationOptions> {
  call(x: Tensor, _context?: CallContext): Tensor {
    const output = resolveActivation(this.options.activation, this.describe())(x);
    // The input stays its owner's: who disposes the output must not dispose it with it.
    return output === x ? tf.clone(x) : output;
  }

  override computeOutputShape(inputShape: Shape): Shape {
    if (typeof this.options.activation === 'function') return super.computeOutputShape(inputShape);
    return inputShape;
  }
}

/**
 * Makes a layer that applies an activation; see {@link Activation}.
 *
 * @throws OptionsError where an option is unknown, or the activation's name is
 *
 * @example
 * ```ts
 * import { layers, tf } from 'adjoint';
 *
 * const cube = layers.activation({ activation: (x) => tf.pow(x, 3) });
 * tf.tidy(() => cube.call(tf.tensor1d([1, 2])).print()); // [1, 8]
 * ```
 */
export function activation(options: OptionsInput<ActivationOptions>): Activation {
  return new Activation(options);
}
