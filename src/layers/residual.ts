import { ValidateBy } from 'class-validator';
import { ShapeError } from '../core/errors.js';
import type { OptionsInput } from '../core/parse-options.js';
import { formatShape, type Shape } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { BaseLayer } from './base-layer.js';
import type { CallContext } from './call-context.js';
import { Conv2D } from './conv2d.js';
import { Child, Layer } from './declarations.js';
import { Dense } from './dense.js';
import { LayerOptions } from './layer-options.js';

/** Options of `layers.residual`. */
export class ResidualOptions extends LayerOptions {
  /** The layer `f` in `x + f(x)`, or a list of layers that run in order. Required. */
  @ValidateBy({
    name: 'isLayers',
    validator: {
      validate: (value: unknown) => {
        const parts: unknown[] = Array.isArray(value) ? value : [value];
        return parts.length > 0 && parts.every((part) => part instanceof BaseLayer);
      },
      defaultMessage: () => 'body must be a layer or a list of layers',
    },
  })
  body!: BaseLayer | readonly BaseLayer[];
}

/**
 * Adds a layer's input to its output, so that gradients reach what stands before it undiminished.
 *
 * Formula: `y = x + f(x)`, or `y = project(x) + f(x)` where the shapes differ: then a linear layer without bias brings
 * `x` to the shape of `f(x)`, a dense one along the last axis, or for images a 1x1 convolution with the stride that
 * `f` has.
 *
 * Use it for networks of more than about ten layers.
 *
 * Shapes: `[batch, ..., channels]` to the shape of `f(x)`.
 *
 * @throws ShapeError [residual-shapes] where no projection leads from the one shape to the other
 *
 * @example
 * ```ts
 * import { layers, Residual, tf } from 'adjoint';
 *
 * const block = new Residual({
 *   body: [
 *     layers.conv2d({ filters: 4, kernelSize: 3, padding: 'same', activation: 'relu' }),
 *     layers.conv2d({ filters: 4, kernelSize: 3, padding: 'same' }),
 *   ],
 * });
 * console.log(tf.tidy(() => block.call(tf.ones([1, 8, 8, 4])).shape)); // [1, 8, 8, 4]
 * block.dispose();
 * ```
 *
 * @see He et al., "Deep residual learning for image recognition" (CVPR 2016), https://arxiv.org/abs/1512.03385
 */
@Layer('adjoint/residual', ResidualOptions)
export class Residual extends BaseLayer<ResidualOptions> {
  /** The layers of `f`, in order. */
  @Child() body: readonly BaseLayer[];

  /** Brings the input to the output's shape; absent where the two are equal. */
  @Child() projection?: Dense | Conv2D;

  constructor(options: OptionsInput<ResidualOptions>) {
    super(options);
    const { body } = this.options;
    this.body = body instanceof BaseLayer ? [body] : [...body];
  }

  call(x: Tensor, context?: CallContext): Tensor {
    const output = this.body.reduce((value, layer) => layer.call(value, context), x);
    return tf.add(this.projection === undefined ? x : this.projection.call(x, context), output);
  }

  override computeOutputShape(inputShape: Shape): Shape {
    return this.body.reduce((shape, layer) => layer.computeOutputShape(shape), inputShape);
  }

  protected override onBuild(inputShape: Shape, seed: number): void {
    this.projection = undefined;
    const outputShape = this.body.reduce((shape, layer) => {
      layer.build(shape, seed);
      return layer.computeOutputShape(shape);
    }, inputShape);
    this.refuseOpenImage(inputShape);
    if (formatShape(outputShape) === formatShape(inputShape)) return;
    const strides = this.stridesBetween(inputShape, outputShape);
    const units = outputShape.at(-1)!;
    this.projection =
      strides === undefined
        ? new Dense({ units, useBias: false })
        : new Conv2D({ filters: units, kernelSize: 1, strides, padding: 'same', useBias: false });
  }

  /** A stride cannot be told from two unknown sizes. */
  private refuseOpenImage(shape: Shape): void {
    if (shape.length !== 4 || !shape.slice(1, 3).includes(null)) return;
    throw new ShapeError('unknown-size', {
      where: this.describe(),
      expected: 'a known height and width when it is built',
      received: formatShape(shape),
      fix: 'build it by a call on data, or with a full input shape',
    });
  }

  /** Strides of a 1x1 convolution from one shape to the other; `undefined` where the last axis alone differs. */
  private stridesBetween(from: Shape, to: Shape): [number, number] | undefined {
    const inner = (shape: Shape) => shape.slice(1, -1);
    if (from.length === to.length && to.at(-1) !== null) {
      if (from.length !== 4 && formatShape(inner(from)) === formatShape(inner(to))) return undefined;
      if (from.length === 4) {
        const strides = inner(from).map((length, i) => strideBetween(length, inner(to)[i]!));
        if (strides.every((stride) => stride !== undefined)) return strides as [number, number];
      }
    }
    throw new ShapeError('residual-shapes', {
      where: this.describe(),
      expected: `a body whose output a projection can reach from ${formatShape(from)}`,
      received: `an output of ${formatShape(to)}`,
      fix: "use padding: 'same' in the body, and strides that divide height and width",
    });
  }
}

function strideBetween(from: number | null, to: number | null): number | undefined {
  if (from === null || to === null) return undefined;
  const stride = Math.ceil(from / to);
  return Math.ceil(from / stride) === to ? stride : undefined;
}

/**
 * Makes a residual block, `x + f(x)`; see {@link Residual}.
 *
 * @throws OptionsError where an option is unknown or `body` is not made of layers
 *
 * @example
 * ```ts
 * import { layers } from 'adjoint';
 *
 * const block = layers.residual({ body: layers.dense({ units: 8, activation: 'relu' }) });
 * console.log(block.computeOutputShape([null, 8])); // [null, 8]
 * ```
 */
export function residual(options: OptionsInput<ResidualOptions>): Residual {
  return new Residual(options);
}
