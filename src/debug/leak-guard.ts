import { IsIn, IsInt, Min } from 'class-validator';
import { BaseCallback } from '../callbacks/callback.js';
import { TensorWatch, type TensorOrigin } from '../engine/watch-tensors.js';
import { tf } from '../engine/tfjs.js';
import { Callback } from './declarations.js';
import { FindingLog, type Finding, type SeenFinding } from './finding.js';

/** Options of {@link LeakGuard}. */
export class LeakGuardOptions {
  /** Steps, or epochs, in a row with more tensors alive after than before until it is looked into. Default 3. */
  @IsInt()
  @Min(1)
  tolerated = 3;

  /** Whether a leak is warned of, or ends training as well. Default `warn`. */
  @IsIn(['warn', 'stop'])
  action: 'warn' | 'stop' = 'warn';
}

/** What {@link LeakGuard} found. */
export interface LeakFinding extends Finding<'step-leak' | 'epoch-leak'> {
  /** The function of `tf` that made the tensors. */
  readonly op: string;
  /** `file:line:column` in the user's code; empty where there is none. */
  readonly line: string;
  /** Shape of one of the tensors. */
  readonly shape: readonly number[];
}

/** Counts how many tensors there are at like moments. */
class Growth {
  private last: { readonly tensors: number; readonly at: number } | null = null;
  /** Moments in a row at which there were more. */
  streak = 0;
  /** More tensors a step, or epoch, at the last moment. */
  rate = 0;

  /** @param at - number of the step or epoch */
  count(at: number): void {
    const { numTensors: tensors } = tf.memory();
    this.rate = 0;
    if (this.last !== null) {
      this.rate = (tensors - this.last.tensors) / (at - this.last.at);
      this.streak = this.rate > 0 ? this.streak + 1 : 0;
    }
    this.last = { tensors, at };
  }

  /** What happens before the next moment is not counted. */
  pause(): void {
    this.last = null;
  }

  reset(): void {
    this.last = null;
    this.streak = 0;
  }
}

/**
 * Finds tensors that a step, or what happens between two epochs, makes and nobody disposes: names op, layer and line.
 *
 * Tensors alive are counted between steps, and between epochs, which costs next to nothing. Where there were more of them
 * several times in a row, the next ones are watched, with the place at
 * which each tensor is made; what outlives the step, or epoch, after its own is named.
 *
 * When to use: where a process grows, in callbacks and data sources of your own, and with `tf.keep`. It sees what is made
 * outside of recorded steps only: a recorded step runs no JavaScript of the model, so that there only what surrounds the step
 * can leak at every step. What the model's code keeps while a step is recorded is left once a recording, and is not found: to
 * look for leaks inside of a model, compile it with `execution: 'eager'`.
 *
 * Default: looked into after 3 steps or epochs in a row; warned of once a place.
 *
 * @throws OptionsError [unknown-option | invalid-option]
 *
 * @example
 * ```ts
 * import { LambdaCallback, layers, LeakGuard, sequential, tf, type Tensor } from 'adjoint';
 *
 * const seen: Tensor[] = [];
 * const hoarding = new LambdaCallback({ onBatchEnd: (_, { loss }) => void seen.push(tf.square(loss!)) });
 * const model = sequential([layers.dense({ units: 1 })]);
 * model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
 * const guard = new LeakGuard();
 * await model.fit(tf.ones([64, 2]), tf.ones([64, 1]), { batchSize: 8, verbose: 0, callbacks: [hoarding, guard] }); // warns
 * console.log(guard.findings[0]!.op); // square
 * tf.dispose(seen);
 * model.dispose();
 * ```
 *
 * @see `docs/monitors.md`
 */
@Callback('adjoint/leak-guard', LeakGuardOptions)
export class LeakGuard extends BaseCallback<LeakGuardOptions> {
  override readonly everyBatch = false;
  private readonly log = new FindingLog<LeakFinding>(this.name);
  private readonly steps = new Growth();
  private readonly epochs = new Growth();
  private watch: { readonly tensors: TensorWatch; readonly kind: LeakFinding['kind'] } | null = null;
  /** Places were named: counting goes on, looking does not. */
  private readonly done = new Set<LeakFinding['kind']>();

  /** What was found in the latest run, each place once. */
  get findings(): readonly LeakFinding[] {
    return this.log.all;
  }

  override onTrainBegin(): void {
    this.log.clear();
    this.done.clear();
    this.steps.reset();
    this.epochs.reset();
  }

  override onEpochBegin(epoch: number): void {
    // Epochs of a few steps add up.
    this.steps.pause();
    this.epochs.count(epoch);
    // What steps leak makes epochs leak, and is named there.
    if (!this.done.has('step-leak')) this.look('epoch-leak', this.epochs);
  }

  override onBatchBegin(): void {
    this.steps.count(this.run.progress.totalSteps);
    if (this.watch?.kind !== 'epoch-leak') this.look('step-leak', this.steps);
  }

  override onEpochEnd(): void {
    if (this.watch?.kind === 'step-leak') this.stopWatch();
  }

  override detach(): void {
    this.stopWatch();
    super.detach();
  }

  /** At the beginning of a step or epoch. */
  private look(kind: LeakFinding['kind'], growth: Growth): void {
    if (this.watch !== null) {
      const { tensors } = this.watch;
      tensors.next();
      if (growth.rate <= 0) return this.stopWatch();
      const { survivors } = tensors;
      if (survivors.length === 0) return;
      this.tell(kind, survivors, growth.rate);
      this.stopWatch();
    } else if (growth.streak >= this.options.tolerated && !this.done.has(kind)) {
      this.watch = { tensors: new TensorWatch(), kind };
    }
  }

  private tell(kind: LeakFinding['kind'], origins: readonly TensorOrigin[], rate: number): void {
    this.done.add(kind);
    const unit = kind === 'step-leak' ? 'step' : 'epoch';
    const byPlace = new Map<string, { readonly origin: TensorOrigin; readonly line: string; count: number }>();
    for (const origin of origins) {
      const line = origin.frame().replace(/^ at /, '');
      const key = `${origin.op} ${origin.path} ${line}`;
      const known = byPlace.get(key);
      if (known === undefined) byPlace.set(key, { origin, line, count: 1 });
      else known.count += 1;
    }
    const seen = [...byPlace.values()].map(({ origin: { op, path, shape }, line, count }): SeenFinding<LeakFinding> => {
      const what = `${op === '' ? 'a tensor' : `the result of ${op}`} of shape [${shape.join(', ')}]`;
      const place = `${path === '' ? '' : ` in layer "${path}"`}${line === '' ? '' : ` at ${line}`}`;
      const message =
        `each ${unit} leaves ${rate === 1 ? 'a tensor' : `${Number(rate.toFixed(2))} tensors`} alive: ${what}, made${place}, ` +
        `is not disposed; use tf.tidy or dispose it`;
      return {
        kind,
        where: path === '' ? line : `${path} ${line}`,
        evidence: { [`per ${unit}`]: rate, count },
        message,
        op,
        line,
        shape,
      };
    });
    const warning = this.log.add(this.run.progress.totalSteps, seen);
    if (warning === null) return;
    this.run.logger.warn(warning);
    if (this.options.action === 'stop') this.run.stop(seen[0]!.message);
  }

  private stopWatch(): void {
    this.watch?.tensors.stop();
    this.watch = null;
  }
}
