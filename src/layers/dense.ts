import { IsInt, Min } from 'class-validator';
import { biasAdd } from '../autodiff/ops/bias-add.js';
import { ShapeError } from '../core/errors.js';
import type { OptionsInput } from '../core/parse-options.js';
import { formatShape, type Shape } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { BaseLayer } from './base-layer.js';
import type { CallContext } from './call-context.js';
import { expectChannels } from './expect-channels.js';
import { Layer, Weight } from './declarations.js';
import { finishOutput } from './finish-output.js';
import { KernelLayerOptions } from './kernel-layer-options.js';
import { resolveRegularizer } from './regularizers.js';
import type { WeightHandle } from './weight-handle.js';

/** Options of `layers.dense`. */
export class DenseOptions extends KernelLayerOptions {
  /** Width of the output. Required. */
  @IsInt()
  @Min(1)
  units!: number;
}

/**
 * A fully connected layer.
 *
 * Formula: `activation(x . kernel + bias)`.
 *
 * Use it for the head of a network, and for features without spatial structure. An input of more than two axes is
 * multiplied along its last one.
 *
 * Shapes: `[batch, ..., features]` to `[batch, ..., units]`; kernel `[features, units]`, bias `[units]`.
 *
 * @throws ShapeError [input-rank] for a rank below 2; [input-channels] where the last axis is unknown or another than
 * the one that the layer was built for
 *
 * @example
 * ```ts
 * import { Dense, tf } from 'adjoint';
 *
 * const dense = new Dense({ units: 2, activation: 'relu' });
 * console.log(tf.tidy(() => dense.call(tf.ones([4, 3])).shape)); // [4, 2]
 * dense.dispose();
 * ```
 *
 * @see https://keras.io/api/layers/core_layers/dense/
 */
@Layer('adjoint/dense', DenseOptions)
export class Dense extends BaseLayer<DenseOptions> {
  /** `[features, units]`. */
  @Weight<Dense>((layer, input) => ({
    shape: [input.at(-1), layer.options.units],
    initializer: layer.options.kernelInitializer,
    regularizer: resolveRegularizer(layer.options.kernelRegularizer, layer.describe()),
  }))
  kernel!: WeightHandle;

  /** `[units]`; absent with `useBias: false`. */
  @Weight<Dense>((layer) =>
    layer.options.useBias
      ? {
          shape: [layer.options.units],
          initializer: layer.options.biasInitializer,
          regularizer: resolveRegularizer(layer.options.biasRegularizer, layer.describe()),
        }
      : null,
  )
  bias!: WeightHandle;

  call(x: Tensor, context?: CallContext): Tensor {
    const { units, useBias } = this.options;
    const rows = x.rank === 2 ? x : tf.reshape(x, [-1, x.shape.at(-1)!]);
    const product = tf.matMul(rows as tf.Tensor2D, this.kernel.value as tf.Tensor2D);
    const sum = useBias ? biasAdd(product, this.bias.value) : product;
    const shaped = x.rank === 2 ? sum : tf.reshape(sum, [...x.shape.slice(0, -1), units]);
    return finishOutput(shaped, this.options, this.describe(), context);
  }

  override computeOutputShape(inputShape: Shape): Shape {
    this.checkInput(inputShape);
    return [...inputShape.slice(0, -1), this.options.units];
  }

  protected override checkInput(shape: Shape): void {
    if (shape.length < 2) {
      throw new ShapeError('input-rank', {
        where: this.describe(),
        expected: 'rank 2 or more  [batch, ..., features]',
        received: `rank ${shape.length}  ${formatShape(shape)}`,
        fix: 'add the missing axis: x.expandDims(-1) for one number an example, x.expandDims(0) for a single example',
      });
    }
    expectChannels(this, shape, this.built ? this.kernel.shape[0]! : undefined);
  }
}

/**
 * Makes a fully connected layer, `activation(x . kernel + bias)`; see {@link Dense}.
 *
 * @throws OptionsError where an option is unknown or out of its range
 *
 * @example
 * ```ts
 * import { layers } from 'adjoint';
 *
 * const dense = layers.dense({ units: 10, kernelInitializer: 'heNormal' });
 * console.log(dense.computeOutputShape([null, 128])); // [null, 10]
 * ```
 */
export function dense(options: OptionsInput<DenseOptions>): Dense {
  return new Dense(options);
}
