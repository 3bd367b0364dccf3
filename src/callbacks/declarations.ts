import { declarationDecorator } from '../core/declaration.js';

/**
 * Declares a callback class: its name in registries and the class of its options.
 *
 * @example
 * ```ts
 * import { BaseCallback, Callback, type Logs } from 'adjoint';
 *
 * @Callback('app/print-loss')
 * class PrintLoss extends BaseCallback {
 *   override onEpochEnd(epoch: number, logs: Logs): void {
 *     console.log(`epoch ${epoch}: ${logs.loss}`);
 *   }
 * }
 * console.log(new PrintLoss().name); // PrintLoss
 * ```
 */
export const Callback = declarationDecorator('callback', 'Callback');
