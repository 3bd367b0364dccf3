import { IsNumber, Min, ValidateBy } from 'class-validator';
import type { OptionsInput } from '../core/parse-options.js';
import type { Shape } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { BaseLayer } from './base-layer.js';
import type { CallContext } from './call-context.js';
import { Layer } from './declarations.js';
import { LayerOptions } from './layer-options.js';

/** Options of `layers.dropout`. */
export class DropoutOptions extends LayerOptions {
  /** Share of the elements that are set to zero, at least 0 and below 1. Required. */
  @IsNumber()
  @Min(0)
  @ValidateBy({
    name: 'below1',
    validator: { validate: (rate: number) => rate < 1, defaultMessage: () => 'rate must be below 1' },
  })
  rate!: number;
}

/**
 * Sets a random share of the elements to zero in training, and scales the others up so that the mean stays.
 *
 * Formula: `y = x * keep / (1 - rate)` in training, where `keep` is 1 with probability `1 - rate`, else 0; `y = x` otherwise.
 *
 * Use it before dense layers of a network that fits its training data better than new data.
 *
 * Shapes: any, unchanged.
 *
 * @example
 * ```ts
 * import { CallContext, Dropout, tf } from 'adjoint';
 *
 * const dropout = new Dropout({ rate: 0.5 });
 * tf.tidy(() => dropout.call(tf.ones([8]), new CallContext({ training: true, seed: 1 })).print());
 * tf.tidy(() => dropout.call(tf.ones([8])).print()); // ones
 * ```
 *
 * @see Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting" (JMLR 2014)
 */
@Layer('adjoint/dropout', DropoutOptions)
export class Dropout extends BaseLayer<DropoutOptions> {
  call(x: Tensor, context?: CallContext): Tensor {
    const { rate } = this.options;
    // The input stays its owner's: who disposes the output must not dispose it with it.
    if (context === undefined || !context.training || !context.dropout || rate === 0) return tf.clone(x);
    const keep = tf.greaterEqual(context.uniform(x.shape, 'mask'), rate);
    return tf.mul(tf.mul(x, 1 / (1 - rate)), tf.cast(keep, 'float32'));
  }

  override computeOutputShape(inputShape: Shape): Shape {
    return inputShape;
  }
}

/**
 * Makes a dropout layer; see {@link Dropout}.
 *
 * @throws OptionsError where an option is unknown or out of its range
 *
 * @example
 * ```ts
 * import { layers } from 'adjoint';
 *
 * console.log(layers.dropout({ rate: 0.3 }).options.rate); // 0.3
 * ```
 */
export function dropout(options: OptionsInput<DropoutOptions>): Dropout {
  return new Dropout(options);
}
