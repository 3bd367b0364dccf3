import type { Logs } from '../training/logs.js';
import { BaseCallback } from './callback.js';
import { Callback } from './declarations.js';

/**
 * Ends training at the first step whose loss or gradient is not finite, with weights and optimizer as before that step.
 *
 * Use it in long unattended runs: what was learnt until then stays usable. It fetches every batch's loss from the
 * device, which costs small models some speed.
 *
 * @example
 * ```ts
 * import { layers, sequential, TerminateOnNaN, tf } from 'adjoint';
 *
 * const model = sequential([layers.dense({ units: 1 })]);
 * model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
 * const history = await model.fit(tf.ones([4, 2]), tf.ones([4, 1]), { verbose: 0, callbacks: [new TerminateOnNaN()] });
 * console.log(history.stopReason); // null
 * model.dispose();
 * ```
 *
 * @see https://keras.io/api/callbacks/terminate_on_nan/
 */
@Callback('adjoint/terminate-on-nan')
export class TerminateOnNaN extends BaseCallback {
  override readonly gatesNonFinite = true;

  override onBatchEnd(batch: number, logs: Logs): void {
    // A step of the model's own may log several losses, none of them called so.
    if (Object.values(logs).every(Number.isFinite)) return;
    const step = `epoch ${this.run.progress.epoch + 1}, batch ${batch + 1}`;
    this.run.stop(`loss or gradient of ${step} is not finite; weights and optimizer stand as before that step`);
  }
}
