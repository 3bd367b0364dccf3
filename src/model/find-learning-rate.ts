import {
  IsIn,
  IsInstance,
  IsInt,
  IsNotEmpty,
  IsNumber,
  IsObject,
  IsOptional,
  IsPositive,
  IsString,
  Max,
  Min,
} from 'class-validator';
import { BaseCallback } from '../callbacks/callback.js';
import { CallbackError, OptionsError, SetupError, StateError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { didYouMean } from '../core/nearest-name.js';
import { parseOptions, type OptionsInput } from '../core/parse-options.js';
import type { HostArrayInput } from '../data/host-array.js';
import type { Tensor } from '../engine/tfjs.js';
import { ExponentialDecay } from '../optimizers/schedules/exponential-decay.js';
import type { BatchSource } from '../training/batches.js';
import type { Logs } from '../training/logs.js';
import { LearningRateCurve, RunningAverage } from '../training/learning-rate-curve.js';
import type { WeightSnapshot } from '../training/weight-snapshot.js';
import { BaseModel } from './base-model.js';
import { sortArguments } from './sort-arguments.js';

/** So many steps in a row without a finite loss end a sweep; loss scaling leaves fewer out until it has settled. */
const MOST_BAD_STEPS = 20;

/** Options of {@link findLearningRate}. */
export class FindLearningRateOptions {
  /** Learning rate of the first step, above 0. Default 1e-7. */
  @IsNumber()
  @IsPositive()
  minLearningRate = 1e-7;

  /** Learning rate of the last step, above that of the first. Default 10. */
  @IsNumber()
  @IsPositive()
  maxLearningRate = 10;

  /** Training steps, at least 20; the data are gone through as often as that takes. Default 100. */
  @IsInt()
  @Min(20)
  steps = 100;

  /** Share of the average that each loss leaves as it was, from 0 to 0.99. Default 0.9. */
  @IsNumber()
  @Min(0)
  @Max(0.99)
  smoothing = 0.9;

  /** The sweep ends where the smoothed loss is more than so many times its lowest value; above 1. Default 4. */
  @IsNumber()
  @Min(1.01)
  divergence = 4;

  /** Entry of a step's logs to watch; a step of the model's own names its entries. Default `loss`. */
  @IsString()
  @IsNotEmpty()
  monitor = 'loss';

  /** Examples a step, for arrays and unbatched datasets. Default 32 for arrays. */
  @IsOptional()
  @IsInt()
  @IsPositive()
  batchSize?: number;

  /** One factor an example, `[examples]`; for arrays. */
  @IsOptional()
  sampleWeight?: HostArrayInput;

  /** Factor of each class's examples by class index. */
  @IsOptional()
  @IsObject()
  classWeight?: Readonly<Record<number, number>>;

  /** 1 draws the curve when it is there. Default 1. */
  @IsIn([0, 1])
  verbose: 0 | 1 = 1;

  /** Ends the sweep after the running step; weights are put back and the promise is rejected with the signal's reason. */
  @IsOptional()
  @IsInstance(AbortSignal)
  signal?: AbortSignal;
}

/**
 * Trains a compiled model for some steps at learning rates that grow from step to step, and suggests one.
 *
 * Formula: step `i` of `n` is made at `minLearningRate * (maxLearningRate / minLearningRate)^(i / (n - 1))`.
 *
 * When to use: before a first run, and again after the batch size, the loss or the optimizer has changed. The optimizer's own
 * learning rate or schedule does not matter; its state begins anew for the sweep.
 *
 * Afterwards weights, statistics, optimizer state, draws and the order of the data are as they were, also where the sweep ended
 * by an error. An own `trainStep` is swept through the optimizer given to `compile`.
 *
 * @param model - compiled
 * @param x - inputs `[examples, ...]`, or a dataset
 * @param y - labels `[examples, ...]`
 * @returns rates, losses and the suggestion
 * @throws OptionsError, DataError, ShapeError before anything is trained; StateError [not-compiled | not-built |
 * already-training]; SetupError [nothing-swept] where a model's own step does not use the optimizer given to `compile`
 *
 * @example
 * ```ts
 * import { Adam, findLearningRate, layers, sequential, tf } from 'adjoint';
 *
 * const x = tf.randomUniform([64, 4], -1, 1, 'float32', 1);
 * const y = tf.sum(x, 1, true);
 * const model = sequential([layers.dense({ units: 16, activation: 'tanh' }), layers.dense({ units: 1 })]);
 * const optimizer = new Adam();
 * model.compile({ optimizer, loss: 'meanSquaredError' });
 * const curve = await findLearningRate(model, x, y, { steps: 60 }); // draws the curve
 * if (curve.suggestion !== null) optimizer.learningRate = curve.suggestion;
 * await model.fit(x, y, { epochs: 2, verbose: 0 });
 * model.dispose();
 * tf.dispose([x, y]);
 * ```
 *
 * @see Smith, "Cyclical learning rates for training neural networks" (2017), https://arxiv.org/abs/1506.01186
 */
export async function findLearningRate(
  model: BaseModel,
  x: HostArrayInput,
  y: HostArrayInput,
  options?: OptionsInput<FindLearningRateOptions>,
): Promise<LearningRateCurve>;
export async function findLearningRate(
  model: BaseModel,
  dataset: BatchSource,
  options?: OptionsInput<FindLearningRateOptions>,
): Promise<LearningRateCurve>;
export async function findLearningRate(
  model: BaseModel,
  first: HostArrayInput | BatchSource,
  second?: HostArrayInput | OptionsInput<FindLearningRateOptions>,
  third?: OptionsInput<FindLearningRateOptions>,
): Promise<LearningRateCurve> {
  if (!(model instanceof BaseModel)) throw notAModel(model);
  const { source, options: input } = sortArguments(first, second, third);
  const where = `findLearningRate of ${model.describe()}`;
  const options = parseOptions(FindLearningRateOptions, input, where);
  const { minLearningRate, maxLearningRate, steps, batchSize, sampleWeight, classWeight, signal } = options;
  checkRange(options, where);
  checkBuilt(model, where);
  const schedule = new Sweep({
    initialLearningRate: minLearningRate,
    decaySteps: steps - 1,
    decayRate: maxLearningRate / minLearningRate,
  });
  const watch = new SweepWatch(options);
  const fitOptions = {
    epochs: 1,
    stepsPerEpoch: steps,
    batchSize,
    sampleWeight,
    classWeight,
    signal,
    verbose: 0 as const,
  };
  await model.fitApart('findLearningRate', source, { ...fitOptions, callbacks: [watch] }, { sweep: schedule });
  if (!schedule.isUsed) throw nothingSwept(where);
  // Loss scaling leaves steps out, at the start of a run above all.
  const made = watch.losses.map((loss, step) => ({ loss, step })).filter(({ loss }) => Number.isFinite(loss));
  const rates = made.map(({ step }) => minLearningRate * (maxLearningRate / minLearningRate) ** (step / (steps - 1)));
  const losses = made.map(({ loss }) => loss);
  const curve = new LearningRateCurve(rates, losses, options);
  if (options.verbose === 1) watch.print(String(curve));
  return curve;
}

/** Knows whether a step took its rate from it. */
class Sweep extends ExponentialDecay {
  isUsed = false;

  override at(step: Tensor): Tensor {
    this.isUsed = true;
    return super.at(step);
  }
}

/** Collects the losses of the sweep, ends it where they explode, and puts the weights back. */
class SweepWatch extends BaseCallback {
  readonly losses: number[] = [];
  print: (text: string) => void = () => {};
  private readonly average: RunningAverage;
  private lowest = Infinity;
  /** Steps in a row whose loss was not finite. */
  private bad = 0;
  private weights: WeightSnapshot | null = null;

  constructor(private readonly sweep: FindLearningRateOptions) {
    super();
    this.average = new RunningAverage(sweep.smoothing);
  }

  override onEpochBegin(): void {
    const { logger } = this.run;
    this.print = (text) => logger.info(text);
    this.weights = this.run.readWeights();
  }

  override onBatchEnd(_batch: number, logs: Logs): void {
    const { monitor, divergence } = this.sweep;
    const loss = logs[monitor];
    if (loss === undefined) {
      throw new CallbackError('unknown-monitor', {
        where: 'option "monitor" of findLearningRate',
        expected: `one of ${Object.keys(logs).join(', ')}`,
        received: JSON.stringify(monitor),
        fix: didYouMean(monitor, Object.keys(logs)),
      });
    }
    this.losses.push(loss);
    if (!Number.isFinite(loss)) {
      this.bad += 1;
      if (this.bad === MOST_BAD_STEPS) this.run.stop('the loss is no longer finite');
      return;
    }
    this.bad = 0;
    const smoothed = this.average.add(loss);
    this.lowest = Math.min(this.lowest, smoothed);
    if (this.lowest > 0 && smoothed > divergence * this.lowest) this.run.stop('the loss explodes');
  }

  override detach(): void {
    try {
      if (this.weights !== null) this.run.writeWeights(this.weights);
    } finally {
      this.weights = null;
      super.detach();
    }
  }
}

function checkRange({ minLearningRate, maxLearningRate }: FindLearningRateOptions, where: string): void {
  const ratio = maxLearningRate / minLearningRate;
  if (ratio > 1 && ratio < 1e30) return;
  throw new OptionsError('invalid-option', {
    where: `option "maxLearningRate" of ${where}`,
    expected: `a rate above minLearningRate, ${minLearningRate}, and less than 1e30 times as high`,
    received: String(maxLearningRate),
  });
}

/** A step of the model's own makes its weights in the course of the first step: too late to keep them. */
function checkBuilt(model: BaseModel, where: string): void {
  if (model.trainStep === undefined || model.built) return;
  throw new StateError('not-built', {
    where,
    expected: 'a model whose weights exist, where it has a trainStep of its own',
    received: 'a model that was not built',
    fix: 'call model.build([null, ...inputShape]), or train one step first',
  });
}

function notAModel(received: unknown): OptionsError {
  return new OptionsError('not-a-model', {
    where: 'findLearningRate',
    expected: 'a compiled model, then its data',
    received: formatValue(received),
    fix: 'write findLearningRate(model, x, y)',
  });
}

function nothingSwept(where: string): SetupError {
  return new SetupError('nothing-swept', {
    where,
    expected: 'a trainStep that minimises with the optimizer given to compile, whose learning rate is swept',
    received: 'one that uses other optimizers only',
    fix: 'leave the option "optimizer" of step.minimize out while looking for a learning rate',
  });
}
