import type { Logger } from '../core/logger.js';
import { bigConstants } from '../engine/record/big-constants.js';
import { RecordedFunction } from '../engine/record/recorded-function.js';
import { RecordingWatch } from '../engine/record/recording-watch.js';
import type { Tensor } from '../engine/tfjs.js';
import type { Logs } from './callback-contract.js';
import type { DeviceBatch } from './device-batch.js';
import { evaluateStep, predictStep } from './evaluate-step.js';
import type { RunningSums } from './running-sums.js';
import type { StepRunner, TrainStepOptions } from './step-runner.js';
import { fetchLogs, withLearningRates } from './step-scalars.js';
import { trainStep } from './train-step.js';
import type { TrainState } from './train-state.js';
import type { Trainable } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';

/** Records each step once for each signature, and from then on runs the TensorFlow function that was recorded. */
export class RecordedRunner implements StepRunner {
  readonly mode = 'recorded';
  private readonly functions = new Map<string, RecordedFunction>();
  /** What each recorded training step logs, in the order of its results. */
  private readonly logNames = new Map<string, readonly string[]>();
  private readonly watch: RecordingWatch;
  private readonly warned = new Set<string>();

  constructor(
    private readonly model: Trainable,
    private readonly plan: TrainingPlan,
    private readonly logger: Logger,
  ) {
    this.watch = new RecordingWatch(() => model.describe(), logger);
  }

  train(state: TrainState, batch: DeviceBatch, options: TrainStepOptions): Promise<Logs | null> {
    return withLearningRates(state, async (learningRates) => {
      const rates = Object.fromEntries([...learningRates.values()].map((rate, i) => [`learningRate ${i}`, rate]));
      const key = `train ${options.gated} ${this.trainability()}`;
      const inputs = { ...rates, ...tensorsOf(batch) };
      const signature = signatureOf(key, inputs);
      const scalars = await this.run(key, inputs, () => {
        const made = trainStep(this.model, this.plan, state, { batch, learningRates }, options.gated);
        this.logNames.set(signature, Object.keys(made));
        return Object.values(made);
      });
      const names = this.logNames.get(signature)!;
      return fetchLogs(Object.fromEntries(names.map((name, i) => [name, scalars[i]!])), options.fetchLogs);
    });
  }

  async evaluate(sums: RunningSums, batch: DeviceBatch): Promise<void> {
    await this.run(`evaluate ${this.trainability()}`, tensorsOf(batch), () => {
      evaluateStep(this.model, this.plan, sums, batch);
      return [];
    });
  }

  async predict(x: Tensor): Promise<Tensor> {
    const [output] = await this.run('predict', { x }, () => [predictStep(this.model, this.plan.seed, x)]);
    return output!;
  }

  dispose(): void {
    for (const recorded of this.functions.values()) recorded.dispose();
    this.functions.clear();
  }

  /** Runs the recording that belongs to the inputs' shapes and dtypes, made now where there is none. */
  private run(key: string, named: Readonly<Record<string, Tensor>>, step: () => Tensor[]): Promise<Tensor[]> {
    const inputs = Object.values(named);
    const signature = signatureOf(key, named);
    let recorded = this.functions.get(signature);
    this.watch.step(key, named, recorded === undefined);
    if (recorded === undefined) {
      recorded = RecordedFunction.record(`${this.model.name}_${key.split(' ')[0]}`, inputs, step);
      this.functions.set(signature, recorded);
      this.warnOfConstants(recorded);
    }
    return recorded.call(inputs);
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
