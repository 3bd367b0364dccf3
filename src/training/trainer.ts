import { ModelGradcheckOptions } from '../autodiff/gradcheck-options.js';
import type { GradcheckReport } from '../autodiff/gradcheck-report.js';
import { OptionsError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import { parseOptions, type OptionsInput } from '../core/parse-options.js';
import type { Tensor } from '../engine/tfjs.js';
import { emptyDataset, toBatch, type ExampleInput } from '../data/example.js';
import type { HostArrayInput } from '../data/host-array.js';
import { batchesOf, prepareData, type BatchSource, type PreparedData } from './batches.js';
import { CallbackDispatcher } from './callback-dispatcher.js';
import type { CallbackContract } from './callback-contract.js';
import type { Logs } from './logs.js';
import { checkFitOptions } from './check-fit-options.js';
import { classWeighting } from './class-weights.js';
import { rehearse } from './custom-step.js';
import { disposeBatch, toDeviceBatch, type DeviceBatch } from './device-batch.js';
import { evaluateLoop } from './evaluate-loop.js';
import {
  EvaluateOptions,
  FitOptions,
  type PredictOptions,
  MemoryReportOptions,
  ProfileOptions,
  TrainOnBatchOptions,
} from './fit-options.js';
import { FitSession } from './fit-session.js';
import { lossGradients } from './loss-gradients.js';
import { makeFitPlan } from './make-fit-plan.js';
import { makeRunner } from './make-runner.js';
import { modelGradcheck } from './model-gradcheck.js';
import type { NonFiniteReport } from './non-finite-report.js';
import { replayRepro } from './replay-repro.js';
import { predictArrays } from './predict-arrays.js';
import { AveragedWeights } from './averaged-weights.js';
import { batchCheck } from './batch-check.js';
import { checkFinite, preflight } from './preflight.js';
import type { RunQueue } from './run-queue.js';
import { MemoryReport } from './memory-report.js';
import { predictMemory, RECORDED_BATCHES } from './predict-memory.js';
import { Profile } from './profile.js';
import { profileStep } from './profile-step.js';
import { sampleBatches } from './sample-batches.js';
import { RunningSums } from './running-sums.js';
import { checkArrays, sortData } from './sort-data.js';
import type { StepRunner } from './step-runner.js';
import { TrainState } from './train-state.js';
import { readTraining } from './training-checkpoint.js';
import type { Trainable } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';

/** Of a step whose memory is measured. */
const TRACED_RUNS = 3;

/** Trains one model by one plan; owns the state of training and the queue of the model's runs. */
export class Trainer {
  private readonly runner: StepRunner;
  readonly averaged: AveragedWeights;
  private state: TrainState | undefined;
  private evaluationSums: RunningSums | undefined;
  private evaluating: Promise<unknown> = Promise.resolve();
  private nextPass = 0;
  private stepsTrained = 0;
  /** Which weights were trainable when a step of the model's own was last rehearsed. */
  private rehearsedFor: string | undefined;

  constructor(
    private readonly model: Trainable,
    readonly plan: TrainingPlan,
    private readonly queue: RunQueue,
    private readonly logger: Logger,
  ) {
    if (plan.accumulateSteps > 1 && model.trainStep !== undefined) throw accumulatesItself(model, plan);
    this.runner = makeRunner(model, plan, logger);
    this.averaged = new AveragedWeights(model, plan, queue, () => this.state);
  }

  /** Seed of initial weights and draws. */
  get seed(): number {
    return this.plan.seed;
  }

  /**
   * @param standard - makes the callbacks that every run has, from `verbose`
   * @returns the last epoch's logs
   */
  async fit(
    source: BatchSource,
    input: OptionsInput<FitOptions> | undefined,
    standard: (options: FitOptions) => readonly CallbackContract[],
  ): Promise<Logs> {
    const where = `fit of ${this.model.describe()}`;
    return this.queue.exclusive('fit', async () => {
      const options = parseOptions(FitOptions, input, where);
      checkFitOptions(options, where);
      options.signal?.throwIfAborted();
      const callbacks = [...standard(options), ...options.callbacks];
      const dispatcher = new CallbackDispatcher(callbacks);
      const { training, validation } = sortData(this.model, this.plan, source, options, where);
      const resumed = options.resume === undefined ? null : await readTraining(options.resume, this.logger, where);
      const plan = makeFitPlan(
        { training, validation, options, callbacks, resumed, where },
        {
          model: this.model,
          plan: this.plan,
          queue: this.queue,
          logger: this.logger,
          nextPass: this.nextPass,
          stepsTrained: this.stepsTrained,
          rehearse: (state, batch) => this.rehearse(state, batch),
          evaluate: (data, batchSize, at, limits) => this.runEvaluation(data, batchSize, at, limits),
        },
      );
      const session = new FitSession(plan, this.runner, () => this.ensureState(), this.queue, dispatcher);
      try {
        dispatcher.attach(session);
        return await session.run();
      } catch (error) {
        dispatcher.fail(error);
        throw error;
      } finally {
        this.stepsTrained = session.progress.totalSteps;
        this.nextPass = session.nextPass;
        dispatcher.detach();
      }
    });
  }

  async evaluate(source: BatchSource, input: OptionsInput<EvaluateOptions> | undefined): Promise<Logs> {
    const where = `evaluate of ${this.model.describe()}`;
    const options = parseOptions(EvaluateOptions, input, where);
    options.signal?.throwIfAborted();
    const data = prepareData(source, where, options.sampleWeight);
    if (data.kind === 'arrays') checkArrays(this.model, this.plan, data, where);
    const logs = await this.queue.shared('evaluate', () => this.runEvaluation(data, options.batchSize, where, options));
    if (options.verbose === 1) {
      this.logger.info(
        Object.entries(logs)
          .map(([name, value]) => `${name} ${value.toFixed(4)}`)
          .join('  '),
      );
    }
    return logs;
  }

  predict(x: HostArrayInput, input: OptionsInput<PredictOptions> | undefined): Promise<Tensor> {
    return predictArrays(this.model, this.plan.seed, this.queue, x, input, (batch) => this.runner.predict(batch));
  }

  async trainOnBatch(source: ExampleInput, input: OptionsInput<TrainOnBatchOptions> | undefined): Promise<Logs> {
    const where = `trainOnBatch of ${this.model.describe()}`;
    return this.queue.exclusive('trainOnBatch', async () => {
      const options = parseOptions(TrainOnBatchOptions, input, where);
      const given = toBatch({ ...source, sampleWeight: options.sampleWeight }, where);
      const hostBatch = classWeighting(options.classWeight, where)(given);
      checkFinite(hostBatch, where);
      if (this.model.trainStep === undefined) preflight(this.model, this.plan, hostBatch, where);
      const state = this.ensureState();
      return this.queue.step(async () => {
        const batch = toDeviceBatch(hostBatch);
        try {
          state.sums.reset();
          this.rehearse(state, batch);
          const ownStep = this.model.trainStep !== undefined;
          const { logs } = await this.runner.train(state, [batch], { gated: false, fetchLogs: ownStep });
          this.stepsTrained++;
          if (state.gradientSums?.completes(this.plan.accumulateSteps) === true) {
            await this.runner.update(state, { gated: false, fetchLogs: false });
          }
          return ownStep ? logs[0]! : state.sums.read();
        } finally {
          disposeBatch(batch);
        }
      });
    });
  }

  /** The gradient of the training loss by every trainable weight; `null` where the forward pass does not use it. */
  async gradients(source: ExampleInput): Promise<Record<string, Tensor | null>> {
    return this.onBatch(source, `gradients of ${this.model.describe()}`, (batch) =>
      lossGradients(this.model, this.plan, batch),
    );
  }

  async gradcheck(source: ExampleInput, input?: OptionsInput<ModelGradcheckOptions>): Promise<GradcheckReport> {
    const where = `gradcheck of ${this.model.describe()}`;
    const options = parseOptions(ModelGradcheckOptions, input, where);
    return this.onBatch(source, where, (batch) => modelGradcheck(this.model, this.plan, batch, options, where));
  }

  async profile(source: BatchSource, input: OptionsInput<ProfileOptions> | undefined): Promise<Profile> {
    const where = `profile of ${this.model.describe()}`;
    return this.queue.exclusive('profile', async () => {
      const { runs, batchSize } = parseOptions(ProfileOptions, input, where);
      const batches = batchesOf(prepareData(source, where), { batchSize, shuffleSeed: null }, where);
      const [batch] = await batches.take(1).toArray();
      if (batch === undefined) throw emptyDataset(where, 'pass data with at least one example');
      checkFinite(batch, where);
      if (this.model.trainStep === undefined) preflight(this.model, this.plan, batch, where);
      const state = this.ensureState();
      const rehearse = this.rehearse.bind(this);
      const traces = await this.queue.step(() => profileStep(this.model, this.plan, state, batch, runs, rehearse));
      const title = `Profile of ${this.model.describe()}: ${batch.size} examples a step, medians of ${runs} runs`;
      return new Profile(title, traces, (text) => this.logger.info(text));
    });
  }

  /** The first non-finite value of a step that `NonFiniteGuard` kept in a folder. */
  async replay(directory: string): Promise<NonFiniteReport> {
    return this.queue.exclusive('replay', () => this.queue.step(() => replayRepro(this.model, this.plan, directory)));
  }

  /** @param exampleShape - shape of one input, without the batch */
  async memoryReport(
    input: OptionsInput<MemoryReportOptions> | undefined,
    exampleShape: readonly number[],
  ): Promise<MemoryReport> {
    const where = `memoryReport of ${this.model.describe()}`;
    return this.queue.exclusive('memoryReport', async () => {
      const { batchSize, x, y } = parseOptions(MemoryReportOptions, input, where);
      const batchOf = sampleBatches(this.model, this.plan, exampleShape, x === undefined ? undefined : { x, y }, where);
      const whole = x === undefined ? undefined : batchOf(batchSize);
      const state = this.ensureState();
      return this.queue.step(async () => {
        const [size] = RECORDED_BATCHES;
        const small = toDeviceBatch(batchOf(size));
        this.rehearse(state, small);
        disposeBatch(small);
        const bytes = await predictMemory(this.model, this.plan, state, batchSize, batchOf);
        const traced = whole && (await profileStep(this.model, this.plan, state, whole, TRACED_RUNS, () => {}));
        // Which of two ready ops is run first differs from run to run.
        const measured = traced && Math.max(...traced.traces.map(({ peakBytes }) => peakBytes));
        return new MemoryReport(`Memory of ${this.model.describe()}: ${batchSize} examples a step`, {
          ...bytes,
          measured,
        });
      });
    });
  }

  dispose(): void {
    this.state?.dispose();
    this.state = undefined;
    this.evaluationSums?.dispose();
    this.evaluationSums = undefined;
    this.runner.dispose();
  }

  /** A model's own step is rehearsed when it first runs, and when other weights have become trainable. */
  private rehearse(state: TrainState, batch: DeviceBatch): void {
    if (this.model.trainStep === undefined) return;
    const trainable = () => [...this.model.weightTree()].map(([path, weight]) => `${path} ${weight.trainable}`).join();
    if (this.rehearsedFor === trainable()) return;
    this.model.buildShell([null, ...batch.x.shape.slice(1)], this.plan.seed);
    rehearse(this.model, this.plan, state, batch);
    this.rehearsedFor = trainable();
  }

  private ensureState(): TrainState {
    this.averaged.assertOwnWeights('a training step');
    if (this.state === undefined) this.state = new TrainState(this.model, this.plan);
    else this.state.ensure(this.model);
    return this.state;
  }

  /** Computes something from one checked batch, between the steps of other runs. */
  private async onBatch<T>(source: ExampleInput, where: string, compute: (batch: DeviceBatch) => T): Promise<T> {
    const hostBatch = toBatch(source, where);
    checkFinite(hostBatch, where);
    preflight(this.model, this.plan, hostBatch, where);
    return this.queue.step(async () => {
      const batch = toDeviceBatch(hostBatch);
      try {
        return compute(batch);
      } finally {
        disposeBatch(batch);
      }
    });
  }

  private runEvaluation(
    data: PreparedData,
    batchSize: number | undefined,
    where: string,
    options: { steps?: number; signal?: AbortSignal },
  ): Promise<Logs> {
    const batches = batchesOf(data, { batchSize, shuffleSeed: null }, where);
    const check = batchCheck(this.model, this.plan, data, where);
    const sums = (this.evaluationSums ??= new RunningSums('evaluate', this.plan.metrics));
    // One evaluation at a time: they share their sums, and `evaluate` may be called beside a running `fit`.
    const run = this.evaluating.then(() => evaluateLoop(this.runner, sums, this.queue, batches, check, where, options));
    this.evaluating = run.catch(() => undefined);
    return run;
  }
}

function accumulatesItself(model: Trainable, { accumulateSteps }: TrainingPlan): OptionsError {
  return new OptionsError('invalid-option', {
    where: `option "accumulateSteps" of compile of ${model.describe()}`,
    expected: '1 for a model with a trainStep of its own, which says itself when it updates',
    received: String(accumulateSteps),
    fix: 'sum up gradients in variables of the model',
  });
}
