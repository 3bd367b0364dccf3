import type { Shape } from '../core/shape.js';
import { SetupError } from '../core/errors.js';
import { declarationDecorator } from '../core/declaration.js';
import { ownList, readList, refuseStandardDecorators } from '../core/metadata.js';
import type { InitializerLike } from '../initializers/resolve-initializer.js';
import type { Regularizer } from './regularizer.js';

/** What `@Weight` says of a weight. */
export interface WeightSpec {
  /** Dimensions; each must be known when the layer is built. */
  readonly shape: readonly (number | null | undefined)[];
  /** Default `glorotUniform`. */
  readonly initializer?: InitializerLike;
  /** Whether training updates it. Default true. */
  readonly trainable?: boolean;
  readonly regularizer?: Regularizer;
}

/** Makes a weight's specification from the layer and its input's shape, or `null` where the layer does without it. */
export type WeightSpecFactory<L> = (layer: L, inputShape: Shape) => WeightSpec | null;

interface DeclaredWeight {
  readonly field: string;
  readonly factory: WeightSpecFactory<never>;
}

const WEIGHTS = Symbol('adjoint:weights');
const CHILDREN = Symbol('adjoint:children');

/**
 * Declares a layer class: its name in registries and files, and the class of its options.
 *
 * @example
 * ```ts
 * import { BaseLayer, Layer, type Tensor } from 'adjoint';
 *
 * @Layer('app/double')
 * class Double extends BaseLayer {
 *   call(x: Tensor): Tensor {
 *     return x.mul(2);
 *   }
 * }
 * console.log(new Double().describe()); // layer "double" (Double)
 * ```
 */
export const Layer = declarationDecorator('layer', 'Layer');

/**
 * Declares a field as a weight; the field holds a `WeightHandle` once the layer is built.
 *
 * @param factory - makes the specification from the layer and the input's shape; `null` leaves the weight out
 *
 * @example
 * ```ts
 * import { BaseLayer, Layer, Weight, type Tensor, type WeightHandle } from 'adjoint';
 *
 * @Layer('app/scale')
 * class Scale extends BaseLayer {
 *   @Weight<Scale>((layer, input) => ({ shape: [input.at(-1)], initializer: 'ones' })) factor!: WeightHandle;
 *   call(x: Tensor): Tensor {
 *     return x.mul(this.factor.value);
 *   }
 * }
 * const scale = new Scale();
 * scale.build([null, 3]);
 * console.log(scale.factor.shape); // [3]
 * ```
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- lets a class's own type flow into its factory unnamed
export function Weight<L = any>(factory: WeightSpecFactory<L>) {
  return (target: object, field: string | symbol): void => {
    addField<DeclaredWeight>(WEIGHTS, 'Weight', target, field, (name) => ({
      field: name,
      factory: factory as WeightSpecFactory<never>,
    }));
  };
}

/**
 * Declares a field as a child layer, or as an array of child layers: their weights become the parent's.
 *
 * @example
 * ```ts
 * import { BaseLayer, Child, Layer, layers, type CallContext, type Tensor } from 'adjoint';
 *
 * @Layer('app/two-step')
 * class TwoStep extends BaseLayer {
 *   @Child() first = layers.dense({ units: 4, activation: 'relu' });
 *   @Child() second = layers.dense({ units: 2 });
 *   call(x: Tensor, context: CallContext): Tensor {
 *     return this.second.call(this.first.call(x, context), context);
 *   }
 * }
 * console.log(new TwoStep().children().map(([name]) => name)); // ['first', 'second']
 * ```
 */
export function Child() {
  return (target: object, field: string | symbol): void => {
    addField<{ field: string }>(CHILDREN, 'Child', target, field, (name) => ({ field: name }));
  };
}

/** The weights that a layer class and its ancestors declare, ancestors first. */
export function declaredWeights(layer: object): readonly { field: string; factory: WeightSpecFactory<unknown> }[] {
  return readList(WEIGHTS, layer);
}

/** The fields that a layer class and its ancestors declare as children, ancestors first. */
export function declaredChildren(layer: object): readonly { field: string }[] {
  return readList(CHILDREN, layer);
}

function addField<T extends { field: string }>(
  key: symbol,
  decorator: string,
  target: object,
  field: string | symbol,
  make: (name: string) => T,
): void {
  // A standard decorator receives (undefined, { kind: 'field', ... }).
  refuseStandardDecorators(decorator, field);
  const list = ownList<T>(key, target);
  const other = readList<{ field: string }>(key === WEIGHTS ? CHILDREN : WEIGHTS, target);
  if ([...list, ...other].some((entry) => entry.field === field)) {
    throw new SetupError('declared-twice', {
      where: `field "${String(field)}" of class ${target.constructor.name}`,
      expected: 'one @Weight or @Child for a field, also across its ancestors',
      received: `a second one, @${decorator}`,
      fix: 'rename the field or remove one of the decorators',
    });
  }
  list.push(make(String(field)));
}
