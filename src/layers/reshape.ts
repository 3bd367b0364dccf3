import { ValidateBy } from 'class-validator';
import { ShapeError } from '../core/errors.js';
import type { OptionsInput } from '../core/parse-options.js';
import { formatShape, sizeOf, type Shape } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { BaseLayer } from './base-layer.js';
import type { CallContext } from './call-context.js';
import { Layer } from './declarations.js';
import { LayerOptions } from './layer-options.js';

/** Options of `layers.reshape`. */
export class ReshapeOptions extends LayerOptions {
  /** The new dimensions, the batch left out; one of them may be -1, which takes what is left. Required. */
  @ValidateBy({
    name: 'isTargetShape',
    validator: {
      validate: (value: unknown) =>
        Array.isArray(value) &&
        value.every((part) => Number.isInteger(part) && ((part as number) > 0 || part === -1)) &&
        value.filter((part) => part === -1).length <= 1,
      defaultMessage: () => 'targetShape must be an array of positive whole numbers, of which at most one is -1',
    },
  })
  targetShape!: readonly number[];
}

/**
 * Gives each example another shape with the same elements in the same order.
 *
 * Use it as the first layer where the data lacks a channel axis, or to undo a flatten.
 *
 * Shapes: `[batch, ...]` to `[batch, ...targetShape]`.
 *
 * @throws ShapeError [reshape-size] where the number of elements does not fit
 *
 * @example
 * ```ts
 * import { Reshape, tf } from 'adjoint';
 *
 * console.log(tf.tidy(() => new Reshape({ targetShape: [2, -1] }).call(tf.ones([4, 6])).shape)); // [4, 2, 3]
 * ```
 *
 * @see https://keras.io/api/layers/reshaping_layers/reshape/
 */
@Layer('adjoint/reshape', ReshapeOptions)
export class Reshape extends BaseLayer<ReshapeOptions> {
  call(x: Tensor, _context?: CallContext): Tensor {
    return tf.reshape(x, this.computeOutputShape(x.shape) as number[]);
  }

  override computeOutputShape(inputShape: Shape): Shape {
    const { targetShape } = this.options;
    this.checkInput(inputShape);
    const rest = inputShape.slice(1);
    const size = rest.includes(null) ? null : sizeOf(rest as number[]);
    const known = sizeOf(targetShape.filter((dimension) => dimension !== -1));
    return [inputShape[0]!, ...targetShape.map((d) => (d !== -1 ? d : size === null ? null : size / known))];
  }

  protected override checkInput(shape: Shape): void {
    const { targetShape } = this.options;
    const rest = shape.slice(1);
    if (shape.length > 0 && rest.includes(null)) return;
    const size = sizeOf(rest as number[]);
    const known = sizeOf(targetShape.filter((dimension) => dimension !== -1));
    if (shape.length > 0 && (targetShape.includes(-1) ? size % known === 0 : size === known)) return;
    throw new ShapeError('reshape-size', {
      where: this.describe(),
      expected: `examples of ${targetShape.includes(-1) ? 'a multiple of ' : ''}${known} elements, for [${targetShape.join(', ')}]`,
      received: shape.length === 0 ? 'a scalar' : `${size} elements  ${formatShape(shape)}`,
      fix: 'change targetShape; one of its dimensions may be -1',
    });
  }
}

/**
 * Makes a layer that gives each example another shape; see {@link Reshape}.
 *
 * @throws OptionsError where an option is unknown or out of its range
 *
 * @example
 * ```ts
 * import { layers } from 'adjoint';
 *
 * console.log(layers.reshape({ targetShape: [28, 28, 1] }).computeOutputShape([null, 784])); // [null, 28, 28, 1]
 * ```
 */
export function reshape(options: OptionsInput<ReshapeOptions>): Reshape {
  return new Reshape(options);
}
