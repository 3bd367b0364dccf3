import { declarationDecorator } from '../core/declaration.js';

/**
 * Declares a loss class: its name in registries and files, and the class of its options.
 *
 * @example
 * ```ts
 * import { BaseLoss, Loss, tf, type Tensor } from 'adjoint';
 *
 * @Loss('app/log-cosh')
 * class LogCosh extends BaseLoss {
 *   perExample(labels: Tensor, predictions: Tensor): Tensor {
 *     return tf.mean(tf.log(tf.cosh(tf.sub(predictions, labels))), -1);
 *   }
 * }
 * console.log(new LogCosh().name); // log_cosh
 * ```
 */
export const Loss = declarationDecorator('loss', 'Loss');
