import { IsInstance, IsInt, IsNumber, IsOptional, IsPositive, Max, Min } from 'class-validator';
import { parseOptions, type OptionsInput } from '../core/parse-options.js';
import { toBatch } from '../data/example.js';
import { gatherRows } from '../data/gather-rows.js';
import type { HostArrayInput } from '../data/host-array.js';
import { formatNumber } from './statistics.js';
import type { TrialModel } from './trial-model.js';
import { checkTrial } from './check-trial.js';
import { checkKeepable, TrialWatch } from './trial-watch.js';

/** A loss that is as small as this is fitted, wherever it began. */
const FITTED_LOSS = 1e-3;
/** Losses at the end of which the median counts. */
const LAST = 5;
/** The loss still falls where it is less than so much of that half way. */
const FALLING = 0.9;

/** Options of {@link overfitBatch}. */
export class OverfitBatchOptions {
  /** Training steps, all on the same batch. Default 200. */
  @IsInt()
  @IsPositive()
  steps = 200;

  /** Examples of the batch, taken from the beginning. Default 32, or all where there are fewer. */
  @IsInt()
  @IsPositive()
  batchSize = 32;

  /** The batch is fitted where the loss has come down to less than so much of the first one. Default 0.05. */
  @IsNumber()
  @Min(0)
  @Max(1)
  ratio = 0.05;

  /** Ends the trial after the running step; weights are put back and the promise is rejected with the signal's reason. */
  @IsOptional()
  @IsInstance(AbortSignal)
  signal?: AbortSignal;
}

/** What {@link overfitBatch} found. */
export interface OverfitBatchResult {
  /** Whether the model fits the batch. */
  readonly fits: boolean;
  /** The batch's loss in each step. */
  readonly losses: readonly number[];
  /** Accuracy on the batch afterwards, 0 to 1, in inference mode; where the model was compiled with such a metric. */
  readonly accuracy?: number;
  /** A sentence with the numbers. */
  readonly verdict: string;
}

/**
 * Finds out whether a compiled model can fit one batch: trains on the same few examples again and again.
 *
 * Formula: it fits where the median of the last 5 losses is below `ratio` times the first loss, or below 0.001.
 *
 * When to use: before the first long run, and when training stalls. A model that cannot learn 32 examples by heart has a
 * fault: a cut gradient, labels that do not belong to their inputs, a wrong loss, a learning rate that is far off. Strong
 * regularisation and dropout are in its way, too.
 *
 * Weights, statistics, optimizer state, draws and the order of the data are as they were afterwards, also where the
 * trial ended by an error.
 *
 * @param model - compiled
 * @param x - inputs `[examples, ...]`
 * @param y - labels `[examples, ...]`
 * @throws OptionsError [not-a-model | no-data and others], DataError, ShapeError before anything is trained; StateError [not-compiled | not-built |
 * already-training]
 *
 * @example
 * ```ts
 * import { Adam, layers, overfitBatch, sequential, tf } from 'adjoint';
 *
 * const x = tf.randomNormal([16, 4], 0, 1, 'float32', 1);
 * const y = tf.sum(x, 1, true);
 * const model = sequential([layers.dense({ units: 16, activation: 'relu' }), layers.dense({ units: 1 })]);
 * model.compile({ optimizer: new Adam({ learningRate: 0.01 }), loss: 'meanSquaredError' });
 * const { fits, verdict } = await overfitBatch(model, x, y);
 * console.log(fits, verdict); // true
 * model.dispose();
 * tf.dispose([x, y]);
 * ```
 *
 * @see Karpathy, "A recipe for training neural networks" (2019), https://karpathy.github.io/2019/04/25/recipe/
 */
export async function overfitBatch(
  model: TrialModel,
  x: HostArrayInput,
  y: HostArrayInput,
  input?: OptionsInput<OverfitBatchOptions>,
): Promise<OverfitBatchResult> {
  checkTrial('overfitBatch', model, x);
  const where = `overfitBatch of ${model.describe()}`;
  const { steps, batchSize, ratio, signal } = parseOptions(OverfitBatchOptions, input, where);
  checkKeepable(model, where);
  const all = toBatch({ x, y }, where);
  const rows = Math.min(batchSize, all.size);
  const batch = { x: gatherRows(all.x, null, 0, rows), ...(all.y && { y: gatherRows(all.y, null, 0, rows) }) };
  const watch = new TrialWatch();
  const logs = await model.fitApart('overfitBatch', batch, {
    epochs: 1,
    stepsPerEpoch: steps,
    batchSize: rows,
    shuffle: false,
    verbose: 0,
    ...(model.trainStep === undefined && { validationData: batch, validationBatchSize: rows }),
    callbacks: [watch],
    signal,
  });
  const { losses } = watch;
  const first = losses[0] ?? NaN;
  const last = losses.slice(-LAST).toSorted((a, b) => a - b)[Math.floor(Math.min(LAST, losses.length) / 2)] ?? NaN;
  const fits = losses.every(Number.isFinite) && (last < ratio * first || last < FITTED_LOSS);
  const falls = last < FALLING * losses[Math.floor(losses.length / 2)]!;
  const more = falls ? `it still falls, so try more steps or a higher learning rate; else ` : '';
  const accuracy = Object.entries(logs).find(([name]) => /^val_.*accuracy$/i.test(name))?.[1];
  const came = `loss ${formatNumber(first)} to ${formatNumber(last)} in ${losses.length} steps`;
  const verdict = fits
    ? `the model fits a batch of ${rows} examples: ${came}`
    : losses.every(Number.isFinite)
      ? `the model does not fit even ${rows} examples: ${came}; ${more}look at learning rate, labels, loss, and whether every layer ` +
        `gets a gradient (GradientMonitor)`
      : `the loss is not finite after ${losses.length} steps on the same ${rows} examples: the learning rate is too high, or ` +
        `the loss undefined for these labels`;
  return { fits, losses, ...(accuracy !== undefined && { accuracy }), verdict };
}
