import { declarationDecorator } from '../core/declaration.js';

/**
 * Declares a model class: its name in registries and files and, where it has any, the class of its options.
 *
 * @example
 * ```ts
 * import { BaseModel, Child, layers, Model, type CallContext, type Tensor } from 'adjoint';
 *
 * @Model('app/linear')
 * class Linear extends BaseModel {
 *   @Child() head = layers.dense({ units: 1 });
 *   call(x: Tensor, context: CallContext): Tensor {
 *     return this.head.call(x, context);
 *   }
 * }
 * console.log(new Linear().name); // linear
 * ```
 */
export const Model = declarationDecorator('model', 'Model');
