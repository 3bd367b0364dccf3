import { IsIn, IsInt, Min, ValidateBy } from 'class-validator';
import { biasAdd } from '../autodiff/ops/bias-add.js';
import type { OptionsInput } from '../core/parse-options.js';
import type { Shape } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { BaseLayer, expectRank } from './base-layer.js';
import type { CallContext } from './call-context.js';
import { Layer, Weight } from './declarations.js';
import { dilatedConv2d } from './dilated-conv2d.js';
import { expectChannels } from './expect-channels.js';
import { finishOutput } from './finish-output.js';
import { IMAGE_AXES, IMAGE_FIX } from './image-axes.js';
import { KernelLayerOptions } from './kernel-layer-options.js';
import { IsSize2D, pairOf, PADDINGS, type Padding, type Size2D } from './option-validators.js';
import { resolveRegularizer } from './regularizers.js';
import type { WeightHandle } from './weight-handle.js';
import { expectRoomForWindow, windowOutput, type Window2D } from './window-size.js';

/** Options of `layers.conv2d`. */
export class Conv2DOptions extends KernelLayerOptions {
  /** Number of output channels. Required. */
  @IsInt()
  @Min(1)
  filters!: number;

  /** Height and width of the kernel; one number stands for both. Required. */
  @IsSize2D()
  kernelSize!: Size2D;

  /** Step of the kernel along height and width. Default 1. */
  @IsSize2D()
  strides: Size2D = 1;

  /** `valid` keeps the kernel inside the image; `same` pads with zeros. Default `valid`. */
  @IsIn(PADDINGS)
  padding: Padding = 'valid';

  /** Distance between the kernel's taps along height and width; with strides of 1 only. Default 1. */
  @IsSize2D()
  @ValidateBy({
    name: 'withoutStrides',
    validator: {
      validate: (rate: Size2D, where) => !(reaches(rate) && reaches((where!.object as Conv2DOptions).strides)),
      defaultMessage: () => 'either strides or dilationRate must be 1',
    },
  })
  dilationRate: Size2D = 1;
}

function reaches(size: unknown): boolean {
  return (Array.isArray(size) ? (size as unknown[]) : [size]).some((part) => part !== 1);
}

/**
 * A two-dimensional convolution over images, with channels last.
 *
 * Formula: `y[b, i, j, f] = activation(sum over (m, n, c) of x[b, i s + m d, j s + n d, c] kernel[m, n, c, f] + bias[f])`
 * with strides `s` and dilation rate `d`.
 *
 * Use it where the same local pattern may stand anywhere in an image.
 *
 * Shapes: `[batch, height, width, channels]` to `[batch, newHeight, newWidth, filters]`; kernel
 * `[kernelHeight, kernelWidth, channels, filters]`, bias `[filters]`. The new height is `ceil(height / s)` with `same`,
 * `ceil((height - (kernelHeight - 1) d) / s)` with `valid`.
 *
 * @throws ShapeError [input-rank]; [input-channels] where the channels are unknown or not those that the layer was built
 * for; [window-too-large] where a `valid` kernel is larger than the image
 *
 * @example
 * ```ts
 * import { Conv2D, tf } from 'adjoint';
 *
 * const conv = new Conv2D({ filters: 8, kernelSize: 3, padding: 'same', activation: 'relu' });
 * console.log(tf.tidy(() => conv.call(tf.ones([1, 6, 6, 3])).shape)); // [1, 6, 6, 8]
 * conv.dispose();
 * ```
 *
 * @see https://keras.io/api/layers/convolution_layers/convolution2d/
 */
@Layer('adjoint/conv2d', Conv2DOptions)
export class Conv2D extends BaseLayer<Conv2DOptions> {
  /** `[kernelHeight, kernelWidth, channels, filters]`. */
  @Weight<Conv2D>((layer, input) => ({
    shape: [...pairOf(layer.options.kernelSize), input[3], layer.options.filters],
    initializer: layer.options.kernelInitializer,
    regularizer: resolveRegularizer(layer.options.kernelRegularizer, layer.describe()),
  }))
  kernel!: WeightHandle;

  /** `[filters]`; absent with `useBias: false`. */
  @Weight<Conv2D>((layer) =>
    layer.options.useBias
      ? {
          shape: [layer.options.filters],
          initializer: layer.options.biasInitializer,
          regularizer: resolveRegularizer(layer.options.biasRegularizer, layer.describe()),
        }
      : null,
  )
  bias!: WeightHandle;

  call(x: Tensor, context?: CallContext): Tensor {
    const { strides, dilation, padding } = this.window();
    const kernel = this.kernel.value as tf.Tensor4D;
    const convolved = dilation.some((rate) => rate > 1)
      ? dilatedConv2d(x, kernel, dilation, padding)
      : tf.conv2d(x as tf.Tensor4D, kernel, [...strides], padding);
    const sum = this.options.useBias ? biasAdd(convolved, this.bias.value) : convolved;
    return finishOutput(sum, this.options, this.describe(), context);
  }

  override computeOutputShape(inputShape: Shape): Shape {
    this.checkInput(inputShape);
    return [inputShape[0]!, ...windowOutput(inputShape, this.window()), this.options.filters];
  }

  protected override checkInput(shape: Shape): void {
    expectRank(this, shape, IMAGE_AXES, IMAGE_FIX);
    expectChannels(this, shape, this.built ? this.kernel.shape[2]! : undefined);
    expectRoomForWindow(this, shape, this.window());
  }

  private window(): Window2D {
    const { kernelSize, strides, dilationRate, padding } = this.options;
    return {
      what: 'kernel',
      size: pairOf(kernelSize),
      strides: pairOf(strides),
      dilation: pairOf(dilationRate),
      padding,
    };
  }
}

/**
 * Makes a two-dimensional convolution with channels last; see {@link Conv2D}.
 *
 * @throws OptionsError where an option is unknown or out of its range
 *
 * @example
 * ```ts
 * import { layers } from 'adjoint';
 *
 * const conv = layers.conv2d({ filters: 32, kernelSize: 3, strides: 2, padding: 'same' });
 * console.log(conv.computeOutputShape([null, 28, 28, 1])); // [null, 14, 14, 32]
 * ```
 */
export function conv2d(options: OptionsInput<Conv2DOptions>): Conv2D {
  return new Conv2D(options);
}
