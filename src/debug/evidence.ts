import { sizeOf } from '../core/shape.js';
import type { Batch } from '../data/example.js';
import type { HostArray } from '../data/host-array.js';
import type { BaseLoss } from '../losses/base-loss.js';
import { BinaryCrossentropy } from '../losses/binary-crossentropy.js';
import { CategoricalCrossentropy } from '../losses/categorical-crossentropy.js';
import { MeanSquaredError } from '../losses/mean-squared-error.js';
import { SparseCategoricalCrossentropy } from '../losses/sparse-categorical-crossentropy.js';
import { tf } from '../engine/tfjs.js';
import { rehearse } from '../training/custom-step.js';
import type { Logs } from '../training/logs.js';
import { disposeBatch, toDeviceBatch } from '../training/device-batch.js';
import type { NonFiniteReport } from '../training/non-finite-report.js';
import type { ProbeReading } from '../training/probe-contract.js';
import { ProbeLog } from '../training/probe-log.js';
import type { TrainState } from '../training/train-state.js';
import type { Trainable } from '../training/trainable.js';
import type { TrainingPlan } from '../training/training-plan.js';
import { writeWeights } from '../training/weight-access.js';
import type { WeightSnapshot } from '../training/weight-snapshot.js';
import { withStateKept } from './kept-state.js';
import { lookInside, watchingLayers, type LayerLook, type Look, type LookOptions } from './look-inside.js';
import { WeightHistory } from './weight-history.js';
import { oneStep, trialTraining } from './trial-training.js';

/** Batches that are kept; more of them would say no more. */
const MOST_BATCHES = 16;
/** Rows of a look: of wide examples, such as images, fewer. */
const ROWS = { least: 32, most: 128, elements: 2 ** 14 };
/** Rows of a pass that asks whether something happens at all. */
const FEW = 8;
/** Of the loss of the best constant prediction: a first pass over the data that has come below it by as much has found something. */
const GUESSES = 0.95;
/** Elements that are kept of batches: 64 MiB. */
const MOST_ELEMENTS = 2 ** 24;

/** What is counted after each step. */
export interface StepCount {
  /** Tensors alive. */
  readonly tensors: number;
  /** Ops that were run one by one since the step before. */
  readonly ops: number;
  /** Nodes on a tape that nobody has ended. */
  readonly tapeNodes: number;
  /** Whether gradients were measured in it, which takes more ops. */
  readonly isProbed: boolean;
}

/** All that a doctor knows of a run. */
export class Evidence {
  /** Of each step; NaN where it was left out. */
  readonly losses: number[] = [];
  /** Of each epoch. */
  readonly epochs: Logs[] = [];
  /** Index of the first step of each epoch. */
  readonly epochStarts: number[] = [];
  readonly probes = new ProbeLog();
  readonly counts: StepCount[] = [];
  /** Copies of the first batches. */
  readonly batches: Batch[] = [];
  /** Copies of batches whose loss stood out. */
  readonly outliers: { readonly step: number; readonly batch: Batch; readonly loss: number }[] = [];
  /** A few weights at each step. */
  readonly history: WeightHistory;
  /** What ended the run. */
  error: unknown;
  /** Why the first step that was not finite was not, where that was looked for. */
  nonFinite: NonFiniteReport | null = null;
  private sampled: { readonly of: number; readonly sample: Batch } | undefined;
  private readonly looks = new Map<string, Look | null>();

  constructor(
    readonly model: Trainable,
    readonly plan: TrainingPlan,
    readonly state: TrainState,
    /** The weights before the first step, or after it, where a step of the model's own has made them. */
    readonly initialWeights: WeightSnapshot,
    /** Whether these are weights that nobody has trained. */
    readonly isFresh: boolean,
    readonly examples: Batch | null,
    readonly validation: Batch | null,
  ) {
    this.history = new WeightHistory(model, initialWeights);
  }

  /** What was measured, in as many steps as there is room for. */
  get readings(): readonly ProbeReading[] {
    return this.probes.all;
  }

  /** Whether the model has a training step of its own. */
  get ownStep(): boolean {
    return this.model.trainStep !== undefined;
  }

  /** Copies a batch; the first ones are kept. */
  add(batch: Batch): void {
    const kept = this.batches.reduce((sum, { x }) => sum + x.values.length, 0);
    if (this.batches.length < MOST_BATCHES && kept + batch.x.values.length <= MOST_ELEMENTS) {
      this.batches.push(copyOf(batch));
    }
  }

  /** Copies a batch whose loss stood out. */
  addOutlier(batch: Batch, loss: number): void {
    this.outliers.push({ step: this.losses.length, batch: copyOf(batch), loss });
  }

  /** Loss before the first step; mean loss of the last tenth of the run; the least mean of a tenth. */
  get progress(): { first: number; last: number; best: number } {
    const finite = this.losses.filter(Number.isFinite);
    const length = Math.max(1, Math.ceil(finite.length / 10));
    const sums = [0];
    for (const loss of finite) sums.push(sums.at(-1)! + loss);
    const mean = (from: number): number =>
      finite.length === 0 ? NaN : (sums[Math.min(from + length, finite.length)]! - sums[from]!) / length;
    let best = Infinity;
    for (let from = 0; from + length <= finite.length; from++) best = Math.min(best, mean(from));
    const first = this.ownStep ? this.losses[0]! : (this.start?.loss ?? mean(0));
    return { first, last: mean(Math.max(0, finite.length - length)), best: finite.length === 0 ? NaN : best };
  }

  /** Whether the loss ended where it began, or above, or is not finite. */
  get stalls(): boolean {
    const { first, last } = this.progress;
    if (!this.endsFinite || !(last < 0.9 * first)) return true;
    // Single batches are noisy; means of epochs are over the same examples.
    const [early, late] = [this.epochs[0]?.['loss'] ?? NaN, this.epochs.at(-1)?.['loss'] ?? NaN];
    return this.epochs.length > 2 && late > 0.99 * early && last > 0.75 * first;
  }

  get endsFinite(): boolean {
    return this.losses.length > 0 && Number.isFinite(this.losses.at(-1)!);
  }

  /** Some examples, spread over the data where these are arrays, else from the first batches. */
  get sample(): Batch {
    const { batches, examples } = this;
    if (this.sampled?.of === batches.length) return this.sampled.sample;
    const all = examples ?? joined(batches);
    const most = Math.min(ROWS.most, fewRows(all));
    const sample = examples === null ? take(all, most) : spread(all, most);
    this.sampled = { of: batches.length, sample };
    return sample;
  }

  /** The first rows of the first batch. */
  get few(): Batch {
    return take(this.batches[0]!, FEW);
  }

  /** Whether the first pass over the data, when each example was new, came to no more than guessing; true where nobody knows. */
  get guessesAtFirst(): boolean {
    const { constantLoss: base, epochs } = this;
    return base === null || !((epochs[0]?.['loss'] ?? NaN) < GUESSES * base);
  }

  /** Examples in the order in which they come, `most` at most. */
  inOrder(most: number): Batch {
    return take(this.examples ?? joined(this.batches), most);
  }

  /** A pass over the sample with the weights from before the first step; `null` where it cannot be made. */
  get start(): Look | null {
    return this.cached('start', () => this.withWeights(this.initialWeights, () => this.look()));
  }

  /** A pass over the sample with the weights of now. */
  get end(): Look | null {
    return this.cached(`end ${this.losses.length}`, () => withStateKept(() => this.look()));
  }

  /** Passes at the weights of now. */
  lookNow(batch: Batch, options: LookOptions, plan: TrainingPlan = this.plan): Look | null {
    return attempt(() => withStateKept(() => lookInside(this.model, plan, batch, options)));
  }

  /**
   * What the model's own step computes of the first batch, without an update; its layers' calls. Not of a part of it: what
   * the step keeps in JavaScript would be of another size from then on.
   */
  rehearse(plan: TrainingPlan = this.plan): readonly LayerLook[] {
    const [first] = this.batches as [Batch];
    const batch = toDeviceBatch(take(first, fewRows(first)));
    try {
      return watchingLayers(this.model, (layers) => {
        tf.tidy(() => rehearse(this.model, plan, this.state, batch));
        return layers;
      });
    } finally {
      disposeBatch(batch);
    }
  }

  /** Runs `fn` with other weights. */
  withWeights<T>(weights: WeightSnapshot, fn: () => T): T {
    return withStateKept(() => {
      writeWeights(this.model, weights);
      return fn();
    });
  }

  /** Losses of a short training from the initial weights; empty where it cannot be made. */
  trial(steps: number, changes: Partial<TrainingPlan> = {}, given: readonly Batch[] = this.batches): number[] {
    const { model, initialWeights: weights } = this;
    const batches = given.map((batch) => take(batch, fewRows(batch)));
    return attempt(() => trialTraining({ model, plan: { ...this.plan, ...changes }, weights, batches, steps })) ?? [];
  }

  /** The loss of the best constant prediction: what a model reaches that looks at no input; `null` where it is not known. */
  get constantLoss(): number | null {
    const { y } = this.examples ?? joined(this.batches);
    return y === undefined ? null : constantLoss(this.plan.loss, y);
  }

  private look(): Look {
    if (!this.ownStep) return lookInside(this.model, this.plan, this.sample);
    const [first] = this.batches as [Batch];
    const batch = toDeviceBatch(take(first, fewRows(first)));
    try {
      return watchingLayers(this.model, (layers) => {
        const loss = oneStep(this.model, this.plan, this.state, batch);
        return { layers, output: layers.at(-1)?.output ?? NOTHING, loss, gradients: new Map() };
      });
    } finally {
      disposeBatch(batch);
    }
  }

  private cached(key: string, make: () => Look): Look | null {
    let look = this.looks.get(key);
    if (look === undefined) this.looks.set(key, (look = attempt(make)));
    return look;
  }
}

const NOTHING = { values: new Float32Array(0), shape: [0] };

/** What `fn` returns; `null` where the user's code, run out of its turn, throws: then there is nothing to be told. */
export function attempt<T>(fn: () => T): T | null {
  try {
    return fn();
  } catch {
    return null;
  }
}

export function meanOf(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
}

function constantLoss(loss: BaseLoss, { values, shape }: HostArray): number | null {
  const width = sizeOf(shape.slice(1));
  const count = shape[0]!;
  if (loss instanceof SparseCategoricalCrossentropy) {
    const counts = new Map<number, number>();
    for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
    return [...counts.values()].reduce((sum, n) => sum - (n / values.length) * Math.log(n / values.length), 0);
  }
  const means = Array.from({ length: width }, (_, column) => {
    let sum = 0;
    for (let row = 0; row < count; row++) sum += values[row * width + column]!;
    return sum / count;
  });
  const plogp = (p: number): number => (p <= 0 ? 0 : p * Math.log(p));
  if (loss instanceof CategoricalCrossentropy) return -means.reduce((sum, p) => sum + plogp(p), 0);
  if (loss instanceof BinaryCrossentropy) return -meanOf(means.map((p) => plogp(p) + plogp(1 - p)));
  if (!(loss instanceof MeanSquaredError)) return null;
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i]! - means[i % width]!) ** 2;
  return sum / values.length;
}

function copyOf(batch: Batch): Batch {
  const copy = (array: HostArray | undefined) => array && { ...array, values: array.values.slice() };
  return { size: batch.size, x: copy(batch.x)!, y: copy(batch.y), sampleWeight: copy(batch.sampleWeight) };
}

/** Chosen rows of a batch. */
export function pick(batch: Batch, indices: readonly number[]): Batch {
  const rowsOf = (array: HostArray | undefined): HostArray | undefined => {
    if (array === undefined) return undefined;
    const width = sizeOf(array.shape.slice(1));
    const values = array.values.slice(0, indices.length * width);
    indices.forEach((row, i) => values.set(array.values.subarray(row * width, (row + 1) * width), i * width));
    return { ...array, values, shape: [indices.length, ...array.shape.slice(1)] };
  };
  const { x, y, sampleWeight } = batch;
  return { size: indices.length, x: rowsOf(x)!, y: rowsOf(y), sampleWeight: rowsOf(sampleWeight) };
}

/** How many rows are enough to look at, by what one of them costs. */
export function fewRows({ x, size }: Batch): number {
  return Math.max(ROWS.least, Math.floor(ROWS.elements / Math.max(1, x.values.length / size)));
}

export function take(batch: Batch, most: number): Batch {
  if (batch.size <= most) return batch;
  return pick(
    batch,
    Array.from({ length: Math.min(most, batch.size) }, (_, i) => i),
  );
}

function spread(batch: Batch, most: number): Batch {
  const count = Math.min(most, batch.size);
  return pick(
    batch,
    Array.from({ length: count }, (_, i) => Math.floor((i * batch.size) / count)),
  );
}

/** Batches of examples of one shape, one after another; those of another shape are left out. */
function joined(batches: readonly Batch[]): Batch {
  const [first] = batches as readonly [Batch, ...Batch[]];
  const alike = batches.filter(({ x, y }) => {
    const shapeOf = (array: HostArray | undefined) => array?.shape.slice(1).join();
    return shapeOf(x) === shapeOf(first.x) && shapeOf(y) === shapeOf(first.y);
  });
  const size = alike.reduce((sum, batch) => sum + batch.size, 0);
  const join = (name: 'x' | 'y' | 'sampleWeight'): HostArray | undefined => {
    const parts = alike.map((batch) => batch[name]);
    if (parts.some((part) => part === undefined)) return undefined;
    const [{ dtype, shape, values }] = parts as [HostArray];
    const all = new (values.constructor as new (length: number) => HostArray['values'])(size * sizeOf(shape.slice(1)));
    let next = 0;
    for (const part of parts as HostArray[]) {
      all.set(part.values, next);
      next += part.values.length;
    }
    return { dtype, values: all, shape: [size, ...shape.slice(1)] };
  };
  return { size, x: join('x')!, y: join('y'), sampleWeight: join('sampleWeight') };
}
