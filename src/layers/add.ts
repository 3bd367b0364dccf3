import { ShapeError } from '../core/errors.js';
import type { OptionsInput } from '../core/parse-options.js';
import { formatShape, type Shape } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { BaseLayer } from './base-layer.js';
import type { CallContext } from './call-context.js';
import { Layer } from './declarations.js';
import { LayerOptions } from './layer-options.js';

/**
 * Adds tensors element by element; dimensions of 1 are repeated.
 *
 * Formula: `y = x1 + x2 + ...`.
 *
 * Use it to join branches of a network; `layers.residual` is the common case ready made.
 *
 * Shapes: a list of two or more tensors of one rank, `[batch, ...]` each, to the shape that they broadcast to.
 *
 * @throws ShapeError [input-list] for fewer than two tensors; [input-shapes] where they do not fit together
 *
 * @example
 * ```ts
 * import { Add, tf } from 'adjoint';
 *
 * tf.tidy(() => new Add().call([tf.tensor1d([1, 2]), tf.tensor1d([10, 20])]).print()); // [11, 22]
 * ```
 *
 * @see https://keras.io/api/layers/merging_layers/add/
 */
@Layer('adjoint/add', LayerOptions)
export class Add extends BaseLayer<LayerOptions, readonly Tensor[]> {
  call(inputs: readonly Tensor[], _context?: CallContext): Tensor {
    if (!Array.isArray(inputs) || inputs.length < 2 || !inputs.every((input) => input instanceof tf.Tensor)) {
      throw new ShapeError('input-list', {
        where: this.describe(),
        expected: 'a list of two or more tensors',
        received: Array.isArray(inputs) ? `a list of ${inputs.length}` : 'a tensor',
        fix: 'call it as add.call([a, b])',
      });
    }
    this.computeOutputShape(inputs.map(({ shape }) => shape));
    return inputs.slice(1).reduce((sum: Tensor, input: Tensor) => tf.add(sum, input), inputs[0]! as Tensor);
  }

  /** @param inputShape - one shape that all inputs have, or a list with the shape of each */
  override computeOutputShape(inputShape: Shape | readonly Shape[]): Shape {
    if (!inputShape.some((part) => Array.isArray(part))) return inputShape as Shape;
    const shapes = inputShape as readonly Shape[];
    return shapes.reduce((joined, shape) => this.join(joined, shape, shapes));
  }

  private join(a: Shape, b: Shape, all: readonly Shape[]): Shape {
    const fits =
      a.length === b.length && a.every((d, i) => d === b[i] || d === 1 || b[i] === 1 || d === null || b[i] === null);
    if (fits) return a.map((dimension, i) => (dimension === 1 || dimension === null ? b[i]! : dimension));
    throw new ShapeError('input-shapes', {
      where: this.describe(),
      expected: 'tensors of one rank whose dimensions are equal or 1',
      received: all.map(formatShape).join(' and '),
      fix: 'bring the branches to one shape, e.g. by a dense layer or a 1x1 convolution',
    });
  }
}

/**
 * Makes a layer that adds its inputs; see {@link Add}.
 *
 * @throws OptionsError where an option is unknown
 *
 * @example
 * ```ts
 * import { layers } from 'adjoint';
 *
 * console.log(layers.add().computeOutputShape([null, 8])); // [null, 8]
 * ```
 */
export function add(options?: OptionsInput<LayerOptions>): Add {
  return new Add(options);
}
