import { optionsClassOf, type NoOptions, type OptionsClass } from '../core/declaration.js';
import { StateError } from '../core/errors.js';
import { parseOptions, type OptionsInput } from '../core/parse-options.js';
import type { CallbackContract, TrainingRun } from '../training/callback-contract.js';
import type { Logs } from '../training/logs.js';
import type { CallbackState } from '../training/callback-state.js';
import type { CheckpointPoint, CheckpointRequest } from '../training/checkpoint-contract.js';
import type { ProbeReading, ProbeRequest } from '../training/probe-contract.js';

/**
 * Base of every callback: override the hooks you need; the others cost nothing.
 *
 * Hooks may be asynchronous; training waits for them. `onBatchEnd` makes the loop fetch every batch's loss from the
 * device. An exception ends `fit` with an error that names callback and hook, and leaves the model usable.
 *
 * @throws OptionsError [unknown-option | invalid-option] in the constructor, where options do not fit the options class
 *
 * @example
 * ```ts
 * import { BaseCallback, type Logs } from 'adjoint';
 *
 * class PrintLoss extends BaseCallback {
 *   override onEpochEnd(epoch: number, logs: Logs): void {
 *     console.log(`${this.run.modelName}, epoch ${epoch}: ${logs.loss}`);
 *   }
 * }
 * console.log(new PrintLoss().name); // PrintLoss
 * ```
 *
 * @see https://keras.io/api/callbacks/base_callback/
 */
export abstract class BaseCallback<O extends object = NoOptions> implements CallbackContract {
  readonly options: O;
  /** The class's name, for errors. */
  readonly name: string;
  /** Whether a step with a non-finite loss or gradient is to leave the state as it was. Default false. */
  readonly gatesNonFinite: boolean = false;
  /**
   * `false`: `onBatchBegin` and `onBatchEnd` need not be called for each batch. Where no callback wants each, `fit` runs
   * several small steps by one call, and calls the hooks for the first and for the last of them. Default true.
   */
  readonly everyBatch: boolean = true;
  private attached: TrainingRun | undefined;

  constructor(options?: OptionsInput<O>) {
    const callbackClass = new.target;
    const where = `callback ${callbackClass.name}`;
    this.options = parseOptions(optionsClassOf(callbackClass) as OptionsClass<O>, options, where);
    this.name = callbackClass.name;
  }

  /** What `onProbe` wants measured, and every how many steps. Default nothing: `onProbe` then gets what others ask for. */
  get probeRequest(): ProbeRequest | undefined {
    return undefined;
  }

  /** When `saveCheckpoint` is to be called. Default never. */
  get checkpoints(): CheckpointRequest | undefined {
    return undefined;
  }

  /**
   * The run that the callback is attached to.
   *
   * @throws StateError [callback-not-attached] outside of `fit`
   */
  protected get run(): TrainingRun {
    if (this.attached !== undefined) return this.attached;
    throw new StateError('callback-not-attached', {
      where: `callback "${this.name}"`,
      expected: 'a use of `run` during fit()',
      received: 'a use outside of it',
      fix: 'pass the callback to fit({ callbacks: [...] }) and use `run` in its hooks',
    });
  }

  /** Called once before the first hook. */
  attach(run: TrainingRun): void {
    if (this.attached !== undefined) {
      throw new StateError('callback-attached', {
        where: `callback "${this.name}"`,
        expected: 'a callback that takes part in one run at a time, once',
        received: `one that is attached to a run of model "${this.attached.modelName}" already`,
        fix: 'make one callback for each fit(), and list it once',
      });
    }
    this.attached = run;
  }

  /** Called once after the last hook, also when training ended by an error. */
  detach(): void {
    this.attached = undefined;
  }

  onTrainError?(error: unknown): void;
  /** What the callback has to know to go on in another process; `Backup` and `ModelCheckpoint` keep it. Default nothing. */
  saveState?(): CallbackState;
  /** Takes what `saveState` gave, after `onTrainBegin` and, in mid-epoch, after `onEpochBegin`. */
  restoreState?(state: CallbackState): void;
  /** Called between steps, as `checkpoints` asks for, and after each epoch. */
  saveCheckpoint?(point: CheckpointPoint): void | Promise<void>;

  onTrainBegin?(): void | Promise<void>;
  onEpochBegin?(epoch: number): void | Promise<void>;
  onBatchBegin?(batch: number): void | Promise<void>;
  onProbe?(reading: ProbeReading): void | Promise<void>;
  onBatchEnd?(batch: number, logs: Logs): void | Promise<void>;
  onValidationBegin?(): void | Promise<void>;
  onValidationEnd?(logs: Logs): void | Promise<void>;
  onEpochEnd?(epoch: number, logs: Logs): void | Promise<void>;
  onTrainEnd?(logs: Logs): void | Promise<void>;
}
