import { IsInt, IsOptional, IsPositive, Max, Min, ValidateBy } from 'class-validator';
import { parseOptions, type OptionsInput } from '../core/parse-options.js';
import { StateError } from '../core/errors.js';
import type { HostArrayInput } from '../data/host-array.js';
import { toBatch } from '../data/example.js';
import { tapeEngine } from '../autodiff/tape.js';
import { engine } from '../engine/start-engine.js';
import type { Trainable } from '../training/trainable.js';
import { readWeights } from '../training/weight-access.js';
import type { CauseName, DoctorFinding, Finding } from './diagnoses/diagnosis.js';
import { growingGraph, leakingTensors } from './diagnoses/growing-memory.js';
import { disposedTensor } from './diagnoses/overwritten-tensor.js';
import { changes, judgeUpdates, STEPS, writeTrainable } from './diagnoses/unzeroed-gradients.js';
import type { StepCount } from './evidence.js';
import { GradientDoctor, GradientDoctorOptions } from './gradient-doctor.js';
import { KeptState } from './kept-state.js';
import type { TrialModel } from './trial-model.js';
import { checkTrial } from './check-trial.js';
import { checkKeepable, TrialWatch } from './trial-watch.js';

/** A step of a loop of your own. */
export type LoopStep = (index: number) => unknown;

/** Options of {@link diagnose}. */
export class DiagnoseOptions extends GradientDoctorOptions {
  /** Training steps of the trial; of a loop of your own, how often its step is run. Default 60. */
  @IsInt()
  @Min(12)
  @Max(10_000)
  steps = 60;

  /** Examples a step. Default 32. */
  @IsInt()
  @IsPositive()
  batchSize = 32;

  /** Whether findings are told by the model's logger, besides being returned. Default false. */
  override print = false;

  /**
   * One step of a loop of your own, given its index: run in the place of `fit`, and looked at from outside. Its updates are
   * held against each other where it is run again with index 0.
   */
  @IsOptional()
  @ValidateBy(
    { name: 'isFunction', validator: { validate: (value) => typeof value === 'function' } },
    { message: 'step must be a function' },
  )
  step?: LoopStep;
}

/**
 * Trains a compiled model for some steps under a {@link GradientDoctor}, and puts everything back; or looks at the step of a
 * loop of your own.
 *
 * When to use: before a long run, and for loops without `fit`. With `step`, it tells of tensors that are used after they were
 * disposed, of gradients that are never set to zero, of graphs and tensors that grow from step to step; weights and all
 * variables are as before afterwards, what the loop keeps in JavaScript is not.
 *
 * @param model - compiled; for a loop of your own, one whose weights exist
 * @param x - inputs `[examples, ...]`
 * @param y - labels `[examples, ...]`
 * @returns what was found, each cause once; nothing for a healthy model
 * @throws OptionsError [not-a-model | no-data and others], DataError, ShapeError before anything is trained; StateError [not-compiled | not-built |
 * already-training]
 *
 * @example
 * ```ts
 * import { diagnose, layers, sequential, tf } from 'adjoint';
 *
 * const x = tf.randomUniform([64, 4], 0, 255, 'float32', 1);
 * const model = sequential([layers.dense({ units: 8, activation: 'tanh' }), layers.dense({ units: 1 })]);
 * model.compile({ optimizer: 'adam', loss: 'meanSquaredError' });
 * for (const { cause, evidence } of await diagnose(model, x, tf.mean(x, 1, true))) console.log(cause, evidence);
 * model.dispose();
 * ```
 *
 * @see `docs/debugging.md`
 */
export async function diagnose(
  model: Trainable & TrialModel,
  x: HostArrayInput,
  y?: HostArrayInput,
  input?: OptionsInput<DiagnoseOptions>,
): Promise<readonly DoctorFinding[]> {
  checkTrial('diagnose', model, x);
  const where = `diagnose of ${model.describe()}`;
  const { steps, batchSize, step, ...options } = parseOptions(DiagnoseOptions, input, where);
  const { size, ...arrays } = toBatch({ x, y }, where);
  if (step !== undefined) {
    if (!model.built) throw notBuilt(where);
    return diagnoseLoop(model, step, steps);
  }
  checkKeepable(model, where);
  const doctor = new GradientDoctor(options);
  const stepsPerEpoch = Math.min(steps, Math.ceil(size / batchSize));
  const run = model.fitApart('diagnose', arrays, {
    epochs: Math.ceil(steps / stepsPerEpoch),
    stepsPerEpoch,
    batchSize,
    verbose: 0,
    callbacks: [doctor, new TrialWatch()],
  });
  // What ends the trial is one of the things that are looked for.
  await run.catch((error: unknown) => {
    if (doctor.findings.length === 0) throw error;
  });
  return doctor.findings;
}

async function diagnoseLoop(model: Trainable, step: LoopStep, steps: number): Promise<DoctorFinding[]> {
  const kept = new KeptState();
  const before = readWeights(model);
  const counts: StepCount[] = [];
  const found: DoctorFinding[] = [];
  const tell = (cause: CauseName, finding: Finding | null): void => {
    if (finding !== null) found.push({ cause, ...finding });
  };
  try {
    for (let index = 0; index < steps; index++) {
      const { executedOps } = engine().counters();
      await step(index);
      const after = engine().counters();
      const { state } = tapeEngine();
      const tapeNodes = state.gradientDepth > 0 ? (state.activeTape?.length ?? 0) : 0;
      counts.push({ tensors: after.tensors, ops: after.executedOps - executedOps, tapeNodes, isProbed: false });
    }
    const counted = { counts, epochStarts: [0] };
    tell('growing-graph', growingGraph.examine(counted));
    tell('leaking-tensors', leakingTensors.examine(counted));
    kept.restore();
    const updates: Float32Array[] = [];
    for (let repeat = 0; repeat < STEPS; repeat++) {
      writeTrainable(model, before);
      await step(0);
      updates.push(changes(model, before));
    }
    tell('unzeroed-gradients', judgeUpdates(updates));
  } catch (error) {
    const finding = disposedTensor(error);
    if (finding === null) throw error;
    tell('overwritten-tensor', finding);
  } finally {
    kept.restore();
    kept.dispose();
  }
  return found;
}

function notBuilt(where: string): StateError {
  return new StateError('not-built', {
    where,
    expected: 'a model whose weights exist, whose loop is to be looked at',
    received: 'a model that was not built',
    fix: 'call model.build([null, ...inputShape]) first',
  });
}
