import { ownDeclaration } from '../core/declaration.js';
import type { HostArray } from '../data/host-array.js';
import type { Batch } from '../data/example.js';
import { engine, engineOptions } from '../engine/start-engine.js';
import type { BaseOptimizer } from '../optimizers/base-optimizer.js';
import type { JsonValue } from '../storage/checked-json.js';
import { ADJOINT_VERSION } from '../storage/manifest.js';
import type { ExecutionMode } from './execution-mode.js';
import type { Trainable } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';

/** What `fit` was given, as far as the steps depend on it. */
export interface DataSettings {
  /** Examples of a pass, where the data lie in memory. */
  readonly examples: number | null;
  /** Batches of a pass, where the dataset tells. */
  readonly batches: number | null;
  readonly batchSize: number | null;
  readonly stepsPerEpoch: number | null;
  /** Whether `fit` shuffles examples itself. */
  readonly shuffled: boolean;
}

/** Settings of a run by name. */
export interface RunSettings {
  /** With another value, a run cannot go on as the one that was interrupted. */
  readonly binding: Readonly<Record<string, JsonValue>>;
  /** With another value, it can, and its numbers may differ. */
  readonly noted: Readonly<Record<string, JsonValue>>;
}

/** @param optimizers - in the order of first use */
export function runSettings(
  model: Trainable,
  plan: TrainingPlan,
  optimizers: readonly BaseOptimizer[],
  data: DataSettings,
  firstBatch: Batch,
  gated: boolean,
  mode: ExecutionMode,
): RunSettings {
  const weights = [...model.weightTree()];
  const names = (named: readonly { readonly name: string }[]): string => named.map(({ name }) => name).join(', ');
  const running = engine();
  return {
    binding: {
      'trained weights': weights.filter(([, { trainable }]) => trainable).map(([path]) => path),
      precision: plan.precision,
      'loss scaling': plan.lossScale === null ? null : { ...plan.lossScale.dynamic, initial: plan.lossScale.initial },
      optimizers: optimizers.map(classNameOf),
      'gradient transforms': names([...plan.clipping, ...plan.noise]),
      'slow weights and averages': names(plan.afterUpdates),
      accumulateSteps: plan.accumulateSteps,
      loss: plan.loss.name,
      metrics: names(plan.metrics),
      seed: plan.seed,
      'examples of a pass': data.examples,
      'batches of a pass': data.batches,
      batchSize: data.batchSize,
      stepsPerEpoch: data.stepsPerEpoch,
      shuffle: data.shuffled,
      'shape of an example': describeExample(firstBatch),
    },
    noted: {
      'options of the optimizers': optimizers.map(({ options }) => plainOptions(options)),
      'leaving out steps that are not finite': gated,
      execution: mode,
      deterministic: engineOptions().deterministic ?? false,
      TensorFlow: running.version,
      device: running.device,
      Adjoint: ADJOINT_VERSION,
      Node: process.versions.node,
    },
  };
}

/** Where two settings differ: `seed: 1 in the checkpoint, 2 now`. */
export function differences(
  saved: Readonly<Record<string, JsonValue>>,
  now: Readonly<Record<string, JsonValue>>,
): string[] {
  return [...new Set([...Object.keys(saved), ...Object.keys(now)])].flatMap((name) => {
    const [before, after] = [saved, now].map((settings) => JSON.stringify(settings[name] ?? null));
    return before === after ? [] : [`${name}: ${before} in the checkpoint, ${after} now`];
  });
}

function classNameOf(optimizer: BaseOptimizer): string {
  return ownDeclaration(optimizer.constructor)?.name ?? optimizer.constructor.name;
}

function describeExample(batch: Batch): string {
  const describe = (array: HostArray | undefined): string =>
    array === undefined ? 'none' : `${array.dtype} [${array.shape.slice(1).join(', ')}]`;
  return `x ${describe(batch.x)}, y ${describe(batch.y)}, sampleWeight ${describe(batch.sampleWeight)}`;
}

/** Options as far as JSON can say them: a schedule by its class and options, a function by its being one. */
function plainOptions(options: object): JsonValue {
  const plain = JSON.stringify(options, function (this: Readonly<Record<string, unknown>>, key, value: unknown) {
    // As it is, before a toJSON of its own has left the class out.
    const given = this[key];
    if (typeof given === 'function') return 'function';
    if (typeof given !== 'object' || given === null || !('options' in given)) return value;
    return { [given.constructor.name]: given.options };
  });
  return JSON.parse(plain) as JsonValue;
}
