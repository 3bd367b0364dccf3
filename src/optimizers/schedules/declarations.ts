import { declarationDecorator } from '../../core/declaration.js';

/**
 * Declares a learning-rate schedule: its name in registries and files, and the class of its options.
 *
 * @example
 * ```ts
 * import { LearningRateSchedule, register, Schedule, tf, type Tensor } from 'adjoint';
 *
 * @Schedule('app/inverse-root')
 * class InverseRoot extends LearningRateSchedule {
 *   at(step: Tensor): Tensor {
 *     return tf.mul(0.1, tf.rsqrt(tf.add(step, 1)));
 *   }
 * }
 * register(InverseRoot);
 * console.log(JSON.stringify(new InverseRoot())); // {"name":"app/inverse-root","options":{}}
 * ```
 */
export const Schedule = declarationDecorator('schedule', 'Schedule');
