import { IsInstance, IsInt, IsNumber, IsOptional, IsPositive, Max, Min } from 'class-validator';
import { DataError, OptionsError } from '../core/errors.js';
import { parseOptions, type OptionsInput } from '../core/parse-options.js';
import { permutation, rngKey } from '../core/rng-key.js';
import { toBatch } from '../data/example.js';
import { gatherRows } from '../data/gather-rows.js';
import type { HostArrayInput } from '../data/host-array.js';
import type { Logs } from '../training/logs.js';
import { formatNumber } from './statistics.js';
import type { TrialModel } from './trial-model.js';
import { checkTrial } from './check-trial.js';
import { checkKeepable, TrialWatch } from './trial-watch.js';

/** Labels of fewer examples in another order are the same labels too often. */
const FEWEST = 4;

/** Options of {@link labelShuffleCheck}. */
export class LabelShuffleOptions {
  /** Epochs of each of the two trainings. Default 5. */
  @IsInt()
  @IsPositive()
  epochs = 5;

  /** Examples a step. Default 32. */
  @IsInt()
  @IsPositive()
  batchSize = 32;

  /** Share of the examples, drawn by the seed, that is held out to judge by. Default 0.25. */
  @IsNumber()
  @Min(0.01)
  @Max(0.99)
  heldOut = 0.25;

  /** How much less the held-out loss has to be with true labels, as a part of that with shuffled ones. Default 0.1. */
  @IsNumber()
  @Min(0)
  @Max(1)
  margin = 0.1;

  /** Seed of split and shuffling. Default 0. */
  @IsInt()
  @Min(0)
  seed = 0;

  /** Ends the check after the running step; weights are put back and the promise is rejected with the signal's reason. */
  @IsOptional()
  @IsInstance(AbortSignal)
  signal?: AbortSignal;
}

/** What {@link labelShuffleCheck} found. */
export interface LabelShuffleResult {
  /** Whether the model learns from its inputs. */
  readonly learns: boolean;
  /** Loss and metrics on held-out examples after training on true labels. */
  readonly trueLogs: Logs;
  /** The same after training on shuffled labels, from the same start. */
  readonly shuffledLogs: Logs;
  /** A sentence with the numbers. */
  readonly verdict: string;
}

/**
 * Finds out whether a compiled model learns anything from its inputs: trains it twice from the same start, on true labels
 * and on the same labels in another order, and compares both on held-out examples with their true labels.
 *
 * Formula: it learns where the held-out loss after true labels is below `(1 - margin)` times that after shuffled ones.
 *
 * When to use: where training loss falls and validation does not. A model that does as well with shuffled labels has learnt how often each label
 * occurs, or the training examples by heart, and nothing from the inputs: inputs and labels do not belong together, inputs are
 * constant or lost on the way, or there is nothing to be learnt.
 *
 * Weights, statistics, optimizer state, draws and the order of the data are as they were afterwards, also where the check
 * ended by an error.
 *
 * @param model - compiled, without a `trainStep` of its own
 * @param x - inputs `[examples, ...]`
 * @param y - labels `[examples, ...]`
 * @throws OptionsError [not-a-model | no-data and others], DataError, ShapeError before anything is trained; OptionsError [own-step] for a model with a
 * `trainStep` of its own; StateError [not-compiled | already-training]
 *
 * @example
 * ```ts
 * import { Adam, labelShuffleCheck, layers, sequential, tf } from 'adjoint';
 *
 * const x = tf.randomNormal([256, 4], 0, 1, 'float32', 1);
 * const y = tf.sum(x, 1, true);
 * const model = sequential([layers.dense({ units: 1 })]);
 * model.compile({ optimizer: new Adam({ learningRate: 0.05 }), loss: 'meanSquaredError' });
 * const { learns, verdict } = await labelShuffleCheck(model, x, y);
 * console.log(learns, verdict); // true
 * model.dispose();
 * tf.dispose([x, y]);
 * ```
 *
 * @see Zhang et al., "Understanding deep learning requires rethinking generalization" (2017), https://arxiv.org/abs/1611.03530
 */
export async function labelShuffleCheck(
  model: TrialModel,
  x: HostArrayInput,
  y: HostArrayInput,
  input?: OptionsInput<LabelShuffleOptions>,
): Promise<LabelShuffleResult> {
  checkTrial('labelShuffleCheck', model, x);
  const where = `labelShuffleCheck of ${model.describe()}`;
  const { epochs, batchSize, heldOut, margin, seed, signal } = parseOptions(LabelShuffleOptions, input, where);
  if (model.trainStep !== undefined) {
    throw new OptionsError('own-step', {
      where,
      expected: 'a model that is trained on labels',
      received: 'a trainStep of its own',
    });
  }
  checkKeepable(model, where);
  const { x: inputs, y: labels, size } = toBatch({ x, y }, where);
  if (labels === undefined) {
    throw new DataError('no-labels', { where, expected: 'labels y beside x', received: 'x alone' });
  }
  const held = Math.max(1, Math.round(size * heldOut));
  if (size - held < FEWEST) {
    throw new DataError('too-few-examples', {
      where,
      expected: `at least ${FEWEST} examples to train on, beside those held out`,
      received: `${size} examples, of which ${held} are held out`,
      fix: 'pass more examples, or a smaller heldOut',
    });
  }
  const order = permutation(rngKey(seed, 'label-shuffle', 'split'), size);
  const part = (start: number, end: number) => ({
    x: gatherRows(inputs, order, start, end),
    y: gatherRows(labels, order, start, end),
  });
  const [validationData, training] = [part(0, held), part(held, size)];
  const other = permutation(rngKey(seed, 'label-shuffle', 'labels'), size - held);
  const shuffled = { x: training.x, y: gatherRows(training.y, other, 0, size - held) };
  const train = async (source: typeof training): Promise<Logs> => {
    const callbacks = [new TrialWatch()];
    const options = { epochs, batchSize, verbose: 0 as const, validationData, callbacks, signal };
    const logs = await model.fitApart('labelShuffleCheck', source, options);
    const own = Object.entries(logs).filter(([name]) => name.startsWith('val_'));
    return Object.fromEntries(own.map(([name, value]) => [name.slice('val_'.length), value]));
  };
  const [trueLogs, shuffledLogs] = [await train(training), await train(shuffled)];
  const [right, wrong] = [trueLogs['loss']!, shuffledLogs['loss']!];
  const learns = right < (1 - margin) * wrong || (Number.isFinite(right) && !Number.isFinite(wrong));
  const losses = `held-out loss ${formatNumber(right)} after true labels, ${formatNumber(wrong)} after shuffled ones`;
  const verdict = learns
    ? `the model learns from its inputs: ${losses}`
    : Number.isFinite(right)
      ? `the model learns nothing from its inputs in ${epochs} epochs: ${losses}; see whether inputs and labels belong ` +
        `together, whether inputs reach the output, and whether more epochs help`
      : `nothing can be said: ${losses}; the learning rate is too high, or the loss undefined for these labels`;
  return { learns, trueLogs, shuffledLogs, verdict };
}
