import { IsIn, IsOptional } from 'class-validator';
import type { OptionsInput } from '../core/parse-options.js';
import type { Shape } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { BaseLayer, expectRank } from './base-layer.js';
import type { CallContext } from './call-context.js';
import { Layer } from './declarations.js';
import { IMAGE_AXES, IMAGE_FIX } from './image-axes.js';
import { LayerOptions } from './layer-options.js';
import { IsSize2D, pairOf, PADDINGS, type Padding, type Size2D } from './option-validators.js';
import { expectRoomForWindow, windowOutput, type Window2D } from './window-size.js';

/** Options of `layers.maxPooling2d`. */
export class MaxPooling2DOptions extends LayerOptions {
  /** Height and width of the window; one number stands for both. Default 2. */
  @IsSize2D()
  poolSize: Size2D = 2;

  /** Step of the window along height and width. Default: the pool size. */
  @IsOptional()
  @IsSize2D()
  strides?: Size2D;

  /** `valid` drops what is left over at the edges; `same` pools it with less. Default `valid`. */
  @IsIn(PADDINGS)
  padding: Padding = 'valid';
}

/**
 * Keeps the largest value in each window of an image.
 *
 * Formula: `y[b, i, j, c] = max over the window (m, n) of x[b, i s + m, j s + n, c]` with strides `s`.
 *
 * Use it after convolutions, to halve height and width and to be indifferent to small shifts.
 *
 * Shapes: `[batch, height, width, channels]` to `[batch, newHeight, newWidth, channels]`.
 *
 * @throws ShapeError [input-rank]; [window-too-large] where a `valid` window is larger than the image
 *
 * @example
 * ```ts
 * import { MaxPooling2D, tf } from 'adjoint';
 *
 * const pool = new MaxPooling2D({ poolSize: 2 });
 * console.log(tf.tidy(() => pool.call(tf.ones([1, 6, 6, 3])).shape)); // [1, 3, 3, 3]
 * ```
 *
 * @see https://keras.io/api/layers/pooling_layers/max_pooling2d/
 */
@Layer('adjoint/max-pooling2d', MaxPooling2DOptions)
export class MaxPooling2D extends BaseLayer<MaxPooling2DOptions> {
  call(x: Tensor, _context?: CallContext): Tensor {
    const { size, strides, padding } = this.window();
    return tf.maxPool(x as tf.Tensor4D, [...size], [...strides], padding);
  }

  override computeOutputShape(inputShape: Shape): Shape {
    this.checkInput(inputShape);
    return [inputShape[0]!, ...windowOutput(inputShape, this.window()), inputShape[3]!];
  }

  protected override checkInput(shape: Shape): void {
    expectRank(this, shape, IMAGE_AXES, IMAGE_FIX);
    expectRoomForWindow(this, shape, this.window());
  }

  private window(): Window2D {
    const { poolSize, strides, padding } = this.options;
    return {
      what: 'pool',
      size: pairOf(poolSize),
      strides: pairOf(strides ?? poolSize),
      dilation: [1, 1],
      padding,
    };
  }
}

/**
 * Makes a max pooling over height and width; see {@link MaxPooling2D}.
 *
 * @throws OptionsError where an option is unknown or out of its range
 *
 * @example
 * ```ts
 * import { layers } from 'adjoint';
 *
 * console.log(layers.maxPooling2d({ poolSize: 2 }).computeOutputShape([null, 28, 28, 32])); // [null, 14, 14, 32]
 * ```
 */
export function maxPooling2d(options?: OptionsInput<MaxPooling2DOptions>): MaxPooling2D {
  return new MaxPooling2D(options);
}
