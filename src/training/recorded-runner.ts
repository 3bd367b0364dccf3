import type { Logger } from '../core/logger.js';
import { bigConstants } from '../engine/record/big-constants.js';
import { RecordedFunction } from '../engine/record/recorded-function.js';
import { RecordingWatch } from '../engine/record/recording-watch.js';
import type { Tensor } from '../engine/tfjs.js';
import type { LearningRates } from './apply-gradients.js';
import type { Logs } from './logs.js';
import type { DeviceBatch } from './device-batch.js';
import { evaluateStep, predictStep } from './evaluate-step.js';
import type { RunningSums } from './running-sums.js';
import { PROBES, ProbeRun } from './probe-run.js';
import type { ProbeLayout } from './probe-layout.js';
import type { StepResult, StepRunner, TrainStepOptions } from './step-runner.js';
import { fetchLogs, fetchProbes, withLearningRates } from './step-scalars.js';
import { trainStep } from './train-step.js';
import type { TrainState } from './train-state.js';
import { updateStep } from './update-step.js';
import type { Trainable } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';

/** Several small steps are run by one call, so that what a call costs is paid once: as many as take about so long. */
const CALL_MILLISECONDS = 1.5;
/** More of them gain nothing: what is left is the work itself. */
const MOST_STEPS_PER_CALL = 16;
/** A function of several steps takes some time to make, which shall be a small part of the training. */
const CALLS_BEFORE_REPEATING = 100;

interface Recording {
  readonly once: RecordedFunction;
  /** The same several times over, by the number of times. */
  readonly repeated: Map<number, RecordedFunction>;
  calls: number;
}

/** Records each step once for each signature, and from then on runs the TensorFlow function that was recorded. */
export class RecordedRunner implements StepRunner {
  readonly mode = 'recorded';
  private readonly recordings = new Map<string, Recording>();
  private lastTrained = '';
  /** What each recorded training step logs, in the order of its results. */
  private readonly logNames = new Map<string, readonly string[]>();
  /** How the vector of each recorded probed step is read. */
  private readonly probeLayouts = new Map<string, ProbeLayout>();
  private readonly watch: RecordingWatch;
  private readonly warned = new Set<string>();

  constructor(
    private readonly model: Trainable,
    private readonly plan: TrainingPlan,
    private readonly logger: Logger,
  ) {
    this.watch = new RecordingWatch(() => model.describe(), logger);
  }

  train(state: TrainState, batches: readonly DeviceBatch[], options: TrainStepOptions): Promise<StepResult> {
    const { gated, probes = null } = options;
    if (probes !== null) state.previousGradients.ensure(probes, this.model);
    return withLearningRates(state, async (learningRates) => {
      const rates = namedRates(learningRates);
      const key = `train ${gated} ${this.trainability()}${probes === null ? '' : ` ${JSON.stringify(probes)}`}`;
      const inputs = batches.map((batch) => ({ ...rates, ...tensorsOf(batch) }));
      const signature = signatureOf(key, inputs[0]!);
      const scalars = await this.run(key, inputs, () => {
        const probe = probes && new ProbeRun(probes, state.previousGradients);
        const made = trainStep(this.model, this.plan, state, { batch: batches[0]!, learningRates }, gated, probe);
        this.logNames.set(signature, Object.keys(made));
        if (probe !== null) this.probeLayouts.set(signature, probe.layout);
        return Object.values(made);
      });
      // How long a probed step takes says nothing of the others.
      if (probes === null) this.lastTrained = signature;
      const names = this.logNames.get(signature)!;
      let probed: StepResult['probed'] = null;
      const logs = batches.flatMap((_, step) => {
        const made = Object.fromEntries(names.map((name, i) => [name, scalars[step * names.length + i]!] as const));
        const { [PROBES]: vector, ...rest } = made;
        if (vector !== undefined) probed = fetchProbes(vector, this.probeLayouts.get(signature)!);
        return fetchLogs(rest, options.fetchLogs);
      });
      return { logs, probed };
    });
  }

  update(state: TrainState, { gated, fetchLogs: wanted }: Omit<TrainStepOptions, 'probes'>): Promise<readonly Logs[]> {
    return withLearningRates(state, async (learningRates) => {
      const keepsBad = gated && wanted;
      const key = `update ${gated} ${keepsBad} ${this.trainability()}`;
      const rates = namedRates(learningRates);
      const signature = signatureOf(key, rates);
      const scalars = await this.run(key, [rates], () => {
        const made = updateStep(this.model, this.plan, state, learningRates, gated, keepsBad);
        this.logNames.set(signature, Object.keys(made));
        return Object.values(made);
      });
      const names = this.logNames.get(signature)!;
      return fetchLogs(Object.fromEntries(names.map((name, i) => [name, scalars[i]!])), wanted);
    });
  }

  get stepsPerCall(): number {
    const recording = this.recordings.get(this.lastTrained);
    const milliseconds = recording?.once.milliseconds;
    if (milliseconds === undefined || recording!.calls < CALLS_BEFORE_REPEATING) return 1;
    const steps = Math.min(MOST_STEPS_PER_CALL, Math.floor(CALL_MILLISECONDS / milliseconds));
    return Math.max(1, steps);
  }

  get recordingCount(): StepRunner['recordingCount'] {
    return this.watch;
  }

  async evaluate(sums: RunningSums, batch: DeviceBatch): Promise<void> {
    await this.run(`evaluate ${this.trainability()}`, [tensorsOf(batch)], () => {
      evaluateStep(this.model, this.plan, sums, batch);
      return [];
    });
  }

  async predict(x: Tensor): Promise<Tensor> {
    const [output] = await this.run('predict', [{ x }], () => [predictStep(this.model, this.plan, x)]);
    return output!;
  }

  dispose(): void {
    for (const { once, repeated } of this.recordings.values()) {
      once.dispose();
      for (const several of repeated.values()) several.dispose();
    }
    this.recordings.clear();
  }

  /**
   * Runs the recording that belongs to the inputs' shapes and dtypes, made now where there is none.
   *
   * @param named - the inputs of each time that the step is to run, alike
   */
  private run(
    key: string,
    named: readonly Readonly<Record<string, Tensor>>[],
    step: () => Tensor[],
  ): Promise<Tensor[]> {
    const signature = signatureOf(key, named[0]!);
    let recording = this.recordings.get(signature);
    this.watch.step(key, named[0]!, recording === undefined);
    if (recording === undefined) {
      const once = RecordedFunction.record(`${this.model.name}_${key.split(' ')[0]}`, Object.values(named[0]!), step);
      this.recordings.set(signature, (recording = { once, repeated: new Map(), calls: 0 }));
      this.warnOfConstants(once);
    }
    recording.calls++;
    if (named.length === 1) return recording.once.call(Object.values(named[0]!));
    let repeated = recording.repeated.get(named.length);
    if (repeated === undefined) {
      recording.repeated.set(named.length, (repeated = recording.once.repeat(named.length)));
    }
    return repeated.call(named.flatMap((inputs) => Object.values(inputs)));
  }

  private warnOfConstants({ graph }: RecordedFunction): void {
    for (const { bytes, shape, op, path } of bigConstants(graph)) {
      const place = `op ${op}${path === '' ? '' : ` of layer "${path}"`} of ${this.model.describe()}`;
      // Every signature has the same ones.
      if (this.warned.has(place)) continue;
      this.warned.add(place);
      this.logger.warn(
        `${place} takes a constant of ${(bytes / 2 ** 20).toFixed(1)} MiB, shape [${shape.join(', ')}]. Each recording ` +
          `holds a copy and sees no later value: declare it with @Weight, or make it in call() from smaller ones.`,
      );
    }
  }

  /** Which layers and weights are trained now: another choice is another graph. */
  private trainability(): string {
    return [...this.model.weightTree()]
      .map(([, { trainable, inTrainableLayer }]) => (trainable ? '2' : inTrainableLayer ? '1' : '0'))
      .join('');
  }
}

function namedRates(learningRates: LearningRates): Record<string, Tensor> {
  return Object.fromEntries([...learningRates.values()].map((rate, i) => [`learningRate ${i}`, rate]));
}

function signatureOf(key: string, named: Readonly<Record<string, Tensor>>): string {
  // With names: labels that are left out must not be taken for weights of examples.
  return [
    key,
    ...Object.entries(named).map(([name, { dtype, shape }]) => `${name} ${dtype}[${shape.join(',')}]`),
  ].join();
}

function tensorsOf({ x, y, sampleWeight }: DeviceBatch): Record<string, Tensor> {
  return { x, ...(y && { y }), ...(sampleWeight && { sampleWeight }) };
}
