import { IsOptional, ValidateBy } from 'class-validator';
import type { OptionsInput } from '../core/parse-options.js';
import { HOOKS, type HookName, type TrainingRun } from '../training/callback-contract.js';
import type { Logs } from '../training/logs.js';
import type { ProbeReading } from '../training/probe-contract.js';
import { BaseCallback } from './callback.js';
import { Callback } from './declarations.js';

function IsHook(): PropertyDecorator {
  return (target, hook) => {
    const message = `${String(hook)} must be a function`;
    IsOptional()(target, hook);
    ValidateBy({ name: 'isHook', validator: { validate: (value) => typeof value === 'function' } }, { message })(
      target,
      hook,
    );
  };
}

/** Options of {@link LambdaCallback}: one function a hook; each receives the run as its last argument. */
export class LambdaCallbackOptions {
  /** Called before the first epoch. */
  @IsHook() onTrainBegin?: (run: TrainingRun) => void | Promise<void>;
  /** Called before each epoch's first batch; epochs count from 0. */
  @IsHook() onEpochBegin?: (epoch: number, run: TrainingRun) => void | Promise<void>;
  /** Called before each training step; batches count from 0 in each epoch. */
  @IsHook() onBatchBegin?: (batch: number, run: TrainingRun) => void | Promise<void>;
  /** Called after a step that another callback had measured. */
  @IsHook() onProbe?: (reading: ProbeReading, run: TrainingRun) => void | Promise<void>;
  /** Called after each training step; `logs.loss` is the batch's loss, which is fetched from the device for it. */
  @IsHook() onBatchEnd?: (batch: number, logs: Logs, run: TrainingRun) => void | Promise<void>;
  /** Called before each validation. */
  @IsHook() onValidationBegin?: (run: TrainingRun) => void | Promise<void>;
  /** Called after each validation with the `val_` entries. */
  @IsHook() onValidationEnd?: (logs: Logs, run: TrainingRun) => void | Promise<void>;
  /** Called after each epoch with loss, metrics and `val_` entries. */
  @IsHook() onEpochEnd?: (epoch: number, logs: Logs, run: TrainingRun) => void | Promise<void>;
  /** Called once after training with the last epoch's logs. */
  @IsHook() onTrainEnd?: (logs: Logs, run: TrainingRun) => void | Promise<void>;
}

/**
 * A callback made of functions, for what is too small for a class of its own; a hook that is not given costs nothing.
 *
 * @throws OptionsError [unknown-option | invalid-option] for a misspelt hook or one that is no function
 *
 * @example
 * ```ts
 * import { LambdaCallback, layers, sequential, tf } from 'adjoint';
 *
 * const untilSmall = new LambdaCallback({
 *   onEpochEnd: (epoch, logs, run) => {
 *     if (logs.loss! < 1e-3) run.stop(`loss ${logs.loss} after epoch ${epoch + 1} is small enough`);
 *   },
 * });
 * const model = sequential([layers.dense({ units: 1 })]);
 * model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
 * await model.fit(tf.ones([4, 2]), tf.ones([4, 1]), { epochs: 1, verbose: 0, callbacks: [untilSmall] });
 * model.dispose();
 * ```
 *
 * @see https://keras.io/api/callbacks/lambda_callback/
 */
@Callback('adjoint/lambda-callback', LambdaCallbackOptions)
export class LambdaCallback extends BaseCallback<LambdaCallbackOptions> {
  constructor(options?: OptionsInput<LambdaCallbackOptions>) {
    super(options);
    for (const hook of HOOKS) this.take(hook);
  }

  private take(hook: HookName): void {
    const given = this.options[hook] as ((...values: unknown[]) => void | Promise<void>) | undefined;
    if (given === undefined) return;
    // Only on instances that were given the hook: the dispatcher takes a method for a listener.
    Object.assign(this, { [hook]: (...values: unknown[]) => given(...values, this.run) });
  }
}
