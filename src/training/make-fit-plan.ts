import type { Logger } from '../core/logger.js';
import type { Batch } from '../data/example.js';
import { batchCheck } from './batch-check.js';
import { batchesOf, type PreparedData } from './batches.js';
import type { CallbackContract } from './callback-contract.js';
import type { Logs } from './logs.js';
import { classWeighting } from './class-weights.js';
import type { FitOptions } from './fit-options.js';
import type { FitPlan } from './fit-plan.js';
import { checkFinite } from './preflight.js';
import type { StoredTraining } from './restore-training.js';
import type { RunQueue } from './run-queue.js';
import type { Trainable } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';
import { readWeights, writeWeights } from './weight-access.js';

/** What `fit` was given. */
interface FitRequest {
  readonly training: PreparedData;
  readonly validation: PreparedData | undefined;
  readonly options: FitOptions;
  readonly callbacks: readonly CallbackContract[];
  readonly resumed: StoredTraining | null;
  readonly where: string;
}

/** Who is asked. */
interface FitResources {
  readonly model: Trainable;
  readonly plan: TrainingPlan;
  readonly queue: RunQueue;
  readonly logger: Logger;
  readonly nextPass: number;
  readonly stepsTrained: number;
  readonly rehearse: FitPlan['rehearse'];
  readonly evaluate: (
    data: PreparedData,
    batchSize: number | undefined,
    where: string,
    limits: { steps?: number; signal?: AbortSignal },
  ) => Promise<Logs>;
}

/** Settles a run of `fit`. */
export function makeFitPlan(
  { training, validation, options, callbacks, resumed, where }: FitRequest,
  { model, plan, queue, logger, nextPass, stepsTrained, rehearse, evaluate }: FitResources,
): FitPlan {
  const shuffleSeed = options.shuffle ? plan.seed : null;
  const batches = batchesOf(training, { batchSize: options.batchSize, shuffleSeed }, where);
  return {
    trained: { model: model, plan: plan, examples: wholeOf(training), validation: wholeOf(validation) },
    modelName: model.name,
    where,
    batches,
    data: {
      examples: training.kind === 'arrays' ? training.rows : null,
      batches: batches.size,
      batchSize: options.batchSize ?? null,
      stepsPerEpoch: options.stepsPerEpoch ?? null,
      shuffled: options.shuffle,
    },
    mayResume: options.resume !== undefined,
    resumed,
    epochs: options.epochs,
    initialEpoch: options.initialEpoch,
    stepsPerEpoch: options.stepsPerEpoch,
    verbose: options.verbose,
    ownStep: model.trainStep !== undefined,
    rehearse,
    // Asked at each step: a callback may have seen enough.
    get gated() {
      return callbacks.some((callback) => callback.gatesNonFinite === true);
    },
    accumulateSteps: plan.accumulateSteps,
    // A step that is left out is looked into before the next one is run.
    logEvery: callbacks.some((callback) => callback.gatesNonFinite === true) ? 1 : options.logEvery,
    signal: options.signal,
    optimizer: plan.optimizer,
    logger: logger,
    // A run that goes on from an earlier process sees the orders that it would have seen there.
    firstPass: resumed?.record.position.pass ?? Math.max(nextPass, options.initialEpoch),
    stepsBefore: stepsTrained,
    checkBatch:
      model.trainStep === undefined ? batchCheck(model, plan, training, where) : (batch) => checkFinite(batch, where),
    prepareBatch: training.kind === 'arrays' ? (batch) => batch : classWeighting(options.classWeight, where),
    validate:
      validation &&
      ((ending) =>
        evaluate(validation, options.validationBatchSize ?? options.batchSize, `validationData of ${where}`, {
          steps: options.validationSteps,
          signal: eitherOf(options.signal, ending),
        })),
    readWeights: () => readWeights(model),
    writeWeights: (snapshot) => {
      queue.assertBetweenSteps('writeWeights');
      writeWeights(model, snapshot);
    },
  };
}

/** Data that lie in memory, as one batch. */
function wholeOf(data: PreparedData | undefined): Batch | null {
  return data?.kind === 'arrays' ? { ...data.arrays, size: data.rows } : null;
}

function eitherOf(a: AbortSignal | undefined, b: AbortSignal | undefined): AbortSignal | undefined {
  return a === undefined || b === undefined ? (a ?? b) : AbortSignal.any([a, b]);
}
