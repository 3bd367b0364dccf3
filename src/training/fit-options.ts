import {
  IsArray,
  IsBoolean,
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
import type { BatchSource } from './batches.js';
import type { CallbackContract } from './callback-contract.js';
import type { OptionsInput } from '../core/parse-options.js';
import type { HostArrayInput } from '../data/host-array.js';
import type { DebugOptions } from './debug-options.js';

/** Options of `evaluate`. */
export class EvaluateOptions {
  /** Examples a step, for arrays and unbatched datasets. Default 32. */
  @IsOptional()
  @IsInt()
  @IsPositive()
  batchSize?: number;

  /** One factor an example, `[examples]`; for arrays. */
  @IsOptional()
  sampleWeight?: HostArrayInput;

  /** Number of batches to use; default all. */
  @IsOptional()
  @IsInt()
  @IsPositive()
  steps?: number;

  /** 0 silent, 1 one line with the result. Default 0. */
  @IsIn([0, 1])
  verbose: 0 | 1 = 0;

  /** Ends the run after the running step; the promise is rejected with the signal's reason. */
  @IsOptional()
  @IsInstance(AbortSignal)
  signal?: AbortSignal;
}

/** Options of `predict`. */
export class PredictOptions {
  /** Examples a step. Default 32. */
  @IsInt()
  @IsPositive()
  batchSize = 32;

  /** Ends the run after the running step; the promise is rejected with the signal's reason. */
  @IsOptional()
  @IsInstance(AbortSignal)
  signal?: AbortSignal;
}

/** Options of `trainOnBatch`. */
export class TrainOnBatchOptions {
  /** One factor an example, `[batch]`. */
  @IsOptional()
  sampleWeight?: HostArrayInput;

  /** Factor of each class's examples by class index. */
  @IsOptional()
  @IsObject()
  classWeight?: Readonly<Record<number, number>>;
}

/** Options of `profile`. */
export class ProfileOptions {
  /** Number of traced runs, of which the median is taken. Default 5. */
  @IsInt()
  @IsPositive()
  runs = 5;

  /** Examples in the step; default 32 for arrays, as they come for a dataset of batches. */
  @IsOptional()
  @IsInt()
  @IsPositive()
  batchSize?: number;
}

/** Options of `memoryReport`. */
export class MemoryReportOptions {
  /** Examples in the step. Default 32. */
  @IsInt()
  @IsPositive()
  batchSize = 32;

  /** Inputs `[examples, ...]`, a batch or more: a step on them is traced and measured. Default none. */
  @IsOptional()
  x?: HostArrayInput;

  /** Labels `[examples, ...]` of `x`. */
  @IsOptional()
  y?: HostArrayInput;
}

/** Options of `fit`; named as in `tf.layers`. */
export class FitOptions {
  /** Number of the epoch after the last one. Default 1. */
  @IsInt()
  @Min(1)
  epochs = 1;

  /** Index of the first epoch. Default 0. */
  @IsInt()
  @Min(0)
  initialEpoch = 0;

  /** Examples a step, for arrays and unbatched datasets. Default 32 for arrays. */
  @IsOptional()
  @IsInt()
  @IsPositive()
  batchSize?: number;

  /** Whether examples change places before each epoch, by key (seed, pass). Default true; datasets of batches keep their order. */
  @IsBoolean()
  shuffle = true;

  /** Steps an epoch; each epoch goes on where the one before left the data, from the start at their end. Default one pass. */
  @IsOptional()
  @IsInt()
  @IsPositive()
  stepsPerEpoch?: number;

  /** Data to evaluate after each epoch: `[x, y]`, `[x, y, sampleWeight]`, `{ x, y, sampleWeight }` or a dataset. */
  @IsOptional()
  validationData?: BatchSource | readonly [HostArrayInput, HostArrayInput, HostArrayInput?];

  /** Share of the examples, taken from the end before shuffling, to validate on. Default 0. */
  @IsNumber()
  @Min(0)
  @Max(0.999)
  validationSplit = 0;

  /** Examples a validation step. Default `batchSize`. */
  @IsOptional()
  @IsInt()
  @IsPositive()
  validationBatchSize?: number;

  /** Number of validation batches; default all. */
  @IsOptional()
  @IsInt()
  @IsPositive()
  validationSteps?: number;

  /** One factor an example, `[examples]`; for arrays. */
  @IsOptional()
  sampleWeight?: HostArrayInput;

  /** Factor of each class's examples by class index. */
  @IsOptional()
  @IsObject()
  classWeight?: Readonly<Record<number, number>>;

  /** 0 silent, 1 progress bar, 2 one line an epoch. Default 1. */
  @IsIn([0, 1, 2])
  verbose: 0 | 1 | 2 = 1;

  /**
   * Steps for which `onBatchBegin` and `onBatchEnd` of callbacks are called once: before the first and after the last of
   * them, with its loss; the end of an epoch of known length ends them early. Steps that nobody watches are run several
   * to a call where that is faster. With a callback that has bad steps left out, such as `NonFiniteGuard`, every step is
   * watched. Default 1.
   */
  @IsInt()
  @Min(1)
  logEvery = 1;

  /** Called at each hook, in this order. */
  @IsArray()
  callbacks: readonly CallbackContract[] = [];

  /** Where a report of the run is written while it goes on, `{ report: directory }`; see `DebugReport`. Default none. */
  @IsOptional()
  @IsObject()
  debug?: OptionsInput<DebugOptions>;

  /**
   * Folder of checkpoints that a `Backup` or `ModelCheckpoint` wrote: the run goes on from the newest complete one, in
   * mid-epoch too, and begins anew where there is none. `epochs` means the same last epoch as in the run that was
   * interrupted. Default none: the run begins anew.
   */
  @IsOptional()
  @IsString()
  @IsNotEmpty()
  resume?: string;

  /** Ends training after the running step; the promise is rejected with the signal's reason and the model stays usable. */
  @IsOptional()
  @IsInstance(AbortSignal)
  signal?: AbortSignal;
}
