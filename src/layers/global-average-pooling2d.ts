import type { OptionsInput } from '../core/parse-options.js';
import type { Shape } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { BaseLayer, expectRank } from './base-layer.js';
import type { CallContext } from './call-context.js';
import { Layer } from './declarations.js';
import { IMAGE_AXES, IMAGE_FIX } from './image-axes.js';
import { LayerOptions } from './layer-options.js';
import { withPullback } from './with-derivative.js';

/**
 * Averages each channel of an image over height and width.
 *
 * Formula: `y[b, c] = mean over (i, j) of x[b, i, j, c]`.
 *
 * Use it between convolutions and the last dense layer, in place of flatten: it has no weights behind it that depend on
 * the image's size.
 *
 * Shapes: `[batch, height, width, channels]` to `[batch, channels]`.
 *
 * @throws ShapeError [input-rank]
 *
 * @example
 * ```ts
 * import { GlobalAveragePooling2D, tf } from 'adjoint';
 *
 * const pool = new GlobalAveragePooling2D();
 * console.log(tf.tidy(() => pool.call(tf.ones([1, 6, 6, 3])).shape)); // [1, 3]
 * ```
 *
 * @see https://keras.io/api/layers/pooling_layers/global_average_pooling2d/
 */
@Layer('adjoint/global-average-pooling2d', LayerOptions)
export class GlobalAveragePooling2D extends BaseLayer {
  call(x: Tensor, _context?: CallContext): Tensor {
    return meanOverImage(x);
  }

  override computeOutputShape(inputShape: Shape): Shape {
    this.checkInput(inputShape);
    return [inputShape[0]!, inputShape[3]!];
  }

  protected override checkInput(shape: Shape): void {
    expectRank(this, shape, IMAGE_AXES, IMAGE_FIX);
  }
}

/** tfjs's gradient of mean multiplies by ones of the image's size, made on the host: a recorded step would hold them. */
const meanOverImage = withPullback(
  (x) => tf.mean(x, [1, 2]),
  (dy, x) => {
    const [batch, height, width, channels] = x.shape as [number, number, number, number];
    const share = tf.reshape(tf.div(dy, height * width), [batch, 1, 1, channels]);
    return tf.tile(share, [1, height, width, 1]);
  },
);

/**
 * Makes an average over height and width; see {@link GlobalAveragePooling2D}.
 *
 * @throws OptionsError where an option is unknown
 *
 * @example
 * ```ts
 * import { layers } from 'adjoint';
 *
 * console.log(layers.globalAveragePooling2d().computeOutputShape([null, 7, 7, 64])); // [null, 64]
 * ```
 */
export function globalAveragePooling2d(options?: OptionsInput<LayerOptions>): GlobalAveragePooling2D {
  return new GlobalAveragePooling2D(options);
}
