import { SetupError } from '../core/errors.js';
import { ownList, readList, refuseStandardDecorators } from '../core/metadata.js';
import { declaredChildren } from './declarations.js';

const CLASSES = Symbol('adjoint:checkpointed-class');
const FIELDS = Symbol('adjoint:checkpointed-fields');

/**
 * Has a layer keep nothing but its input in a training step, and compute the rest again for the gradient: on a layer's
 * class, or on a field with `@Child()`, of which each layer is then checkpointed by itself.
 *
 * When to use: on a block of several layers whose insides fill the memory, such as a residual or an attention block. A
 * single dense layer saves nothing: its output is the next one's input.
 *
 * A subclass of a checkpointed class is checkpointed, too.
 *
 * @throws SetupError [checkpoint-field] when a layer is built whose decorated field is no child
 *
 * @example
 * ```ts
 * import { BaseLayer, Checkpoint, Child, Layer, layers, tf, type CallContext, type Tensor } from 'adjoint';
 *
 * @Layer('app/wide-block')
 * class WideBlock extends BaseLayer {
 *   @Child() @Checkpoint() inner = layers.residual({ body: [layers.dense({ units: 64, activation: 'gelu' }), layers.dense({ units: 4 })] });
 *   call(x: Tensor, context: CallContext): Tensor {
 *     return this.inner.call(x, context);
 *   }
 * }
 * const block = new WideBlock();
 * block.build([null, 4]);
 * console.log(block.inner.checkpointed); // true
 * ```
 *
 * @see checkpoint
 */
export function Checkpoint() {
  // eslint-disable-next-line @typescript-eslint/no-unsafe-function-type -- a class of any kind
  return (target: object | Function, field?: string | symbol): void => {
    refuseStandardDecorators('Checkpoint', field);
    if (typeof target === 'function' && field === undefined) {
      ownList<true>(CLASSES, target.prototype as object).push(true);
      return;
    }
    ownList<string>(FIELDS, target).push(String(field));
  };
}

export function isCheckpointedClass(layerClass: { readonly prototype: object }): boolean {
  return readList(CLASSES, layerClass.prototype).length > 0;
}

/** The layers in the fields under `@Checkpoint()`. */
export function checkpointedFields(layer: { describe(): string }): object[] {
  return readList<string>(FIELDS, layer).flatMap((field) => {
    if (!declaredChildren(layer).some((child) => child.field === field)) {
      throw new SetupError('checkpoint-field', {
        where: `field "${field}" of ${layer.describe()}`,
        expected: 'a child layer under @Checkpoint()',
        received: 'a field without @Child()',
        fix: 'write @Child() @Checkpoint() before the field',
      });
    }
    const value = (layer as unknown as Record<string, unknown>)[field] as object | readonly object[] | undefined | null;
    return value === undefined || value === null ? [] : [value].flat();
  });
}
