import { ShapeError } from '../core/errors.js';
import type { OptionsInput } from '../core/parse-options.js';
import { formatShape, type Shape } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { BaseLayer } from './base-layer.js';
import type { CallContext } from './call-context.js';
import { Layer } from './declarations.js';
import { LayerOptions } from './layer-options.js';

/**
 * Joins all axes but the batch into one.
 *
 * Use it between convolutions and dense layers.
 *
 * Shapes: `[batch, ...]` to `[batch, product of the others]`; `[batch]` to `[batch, 1]`.
 *
 * @throws ShapeError [input-rank] for a scalar
 *
 * @example
 * ```ts
 * import { Flatten, tf } from 'adjoint';
 *
 * console.log(tf.tidy(() => new Flatten().call(tf.ones([2, 3, 4])).shape)); // [2, 12]
 * ```
 *
 * @see https://keras.io/api/layers/reshaping_layers/flatten/
 */
@Layer('adjoint/flatten', LayerOptions)
export class Flatten extends BaseLayer {
  call(x: Tensor, _context?: CallContext): Tensor {
    return tf.reshape(x, [x.shape[0]!, x.shape.slice(1).reduce((product, dimension) => product * dimension, 1)]);
  }

  override computeOutputShape(inputShape: Shape): Shape {
    this.checkInput(inputShape);
    const rest = inputShape.slice(1);
    return [inputShape[0]!, rest.reduce((product, d) => (product === null || d === null ? null : product * d), 1)];
  }

  protected override checkInput(shape: Shape): void {
    if (shape.length > 0) return;
    throw new ShapeError('input-rank', {
      where: this.describe(),
      expected: 'rank 1 or more  [batch, ...]',
      received: `rank 0  ${formatShape(shape)}`,
    });
  }
}

/**
 * Makes a layer that joins all axes but the batch; see {@link Flatten}.
 *
 * @throws OptionsError where an option is unknown
 *
 * @example
 * ```ts
 * import { layers } from 'adjoint';
 *
 * console.log(layers.flatten().computeOutputShape([null, 7, 7, 64])); // [null, 3136]
 * ```
 */
export function flatten(options?: OptionsInput<LayerOptions>): Flatten {
  return new Flatten(options);
}
