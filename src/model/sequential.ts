import { SetupError } from '../core/errors.js';
import { toSnakeCase, UniqueNames } from '../core/naming.js';
import type { OptionsInput } from '../core/parse-options.js';
import type { Shape } from '../core/shape.js';
import type { Tensor } from '../engine/tfjs.js';
import { BaseLayer, type LayerInput } from '../layers/base-layer.js';
import type { CallContext } from '../layers/call-context.js';
import { LayerOptions } from '../layers/layer-options.js';
import { BaseModel } from './base-model.js';
import { Model } from './declarations.js';

/**
 * A model that runs its layers one after the other, $f = f_n \circ \dots \circ f_1$.
 *
 * When to use: a chain of layers with one input and one output; anything else is a subclass of `BaseModel`.
 *
 * Shapes: the first layer's input `[batch, ...]` to the last layer's output.
 *
 * @throws SetupError [no-layers | child-type | duplicate-name]
 *
 * @example
 * ```ts
 * import { layers, sequential } from 'adjoint';
 *
 * const model = sequential([layers.dense({ units: 8, activation: 'relu' }), layers.dense({ units: 2 })]);
 * model.build([null, 4]);
 * console.log(model.countParams()); // 58
 * model.dispose();
 * ```
 *
 * @see https://keras.io/api/models/sequential/
 */
@Model('adjoint/sequential', LayerOptions)
export class Sequential extends BaseModel {
  private readonly chain: readonly [string, BaseLayer][];

  constructor(chain: readonly BaseLayer[], options?: OptionsInput<LayerOptions>) {
    super(options);
    if (!Array.isArray(chain) || chain.length === 0) {
      throw new SetupError('no-layers', {
        where: this.describe(),
        expected: 'an array of at least one layer',
        received: Array.isArray(chain) ? 'an empty array' : typeof chain,
      });
    }
    const names = new UniqueNames();
    for (const [i, layer] of (chain as readonly unknown[]).entries()) {
      if (!(layer instanceof BaseLayer)) {
        throw new SetupError('child-type', {
          where: `element ${i} of ${this.describe()}`,
          expected: 'a layer',
          received: typeof layer === 'function' ? `the function or class ${layer.name}` : typeof layer,
          fix: typeof layer === 'function' ? 'call the factory, or make an instance with new' : undefined,
        });
      }
      if (layer.options.name !== undefined && !names.reserve(layer.options.name)) {
        throw new SetupError('duplicate-name', {
          where: this.describe(),
          expected: 'layers of different names',
          received: `two named "${layer.options.name}"`,
          fix: 'give one of them another name option',
        });
      }
    }
    this.chain = chain.map((layer) => [layer.options.name ?? names.next(toSnakeCase(layer.constructor.name)), layer]);
  }

  override children(): [name: string, layer: BaseLayer<LayerOptions, LayerInput>][] {
    return this.chain.map(([name, layer]) => [name, layer as unknown as BaseLayer<LayerOptions, LayerInput>]);
  }

  override call(inputs: Tensor, context: CallContext): Tensor {
    return this.chain.reduce((x, [, layer]) => layer.call(x, context), inputs);
  }

  override computeOutputShape(inputShape: Shape): Shape {
    return this.chain.reduce((shape, [, layer]) => layer.computeOutputShape(shape), inputShape);
  }
}

/**
 * Makes a {@link Sequential} model, from an array of layers or, as in `tf.layers`, from `{ layers: [...] }`.
 *
 * @example
 * ```ts
 * import { layers, sequential } from 'adjoint';
 *
 * const model = sequential([layers.flatten(), layers.dense({ units: 10 })], { name: 'digits' });
 * console.log(model.name); // digits
 * ```
 */
export function sequential(chain: readonly BaseLayer[], options?: OptionsInput<LayerOptions>): Sequential;
export function sequential(options: OptionsInput<LayerOptions> & { layers: readonly BaseLayer[] }): Sequential;
export function sequential(
  first: readonly BaseLayer[] | (OptionsInput<LayerOptions> & { layers: readonly BaseLayer[] }),
  options?: OptionsInput<LayerOptions>,
): Sequential {
  if (!('layers' in first)) return new Sequential(first, options);
  const { layers, ...rest } = first;
  return new Sequential(layers, rest);
}
