import { declarationDecorator } from '../core/declaration.js';

/**
 * Declares an optimizer class: its name in registries and files, and the class of its options.
 *
 * @example
 * ```ts
 * import { BaseOptimizer, Optimizer, tf, type WeightUpdate } from 'adjoint';
 *
 * @Optimizer('app/sign-descent')
 * class SignDescent extends BaseOptimizer {
 *   apply({ variable, value, gradient, learningRate }: WeightUpdate): void {
 *     variable.assign(tf.sub(value, tf.mul(learningRate, tf.sign(gradient))));
 *   }
 * }
 * console.log(new SignDescent({ learningRate: 0.01 }).learningRate); // 0.01
 * ```
 */
export const Optimizer = declarationDecorator('optimizer', 'Optimizer');
