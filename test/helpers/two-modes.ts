import { currentServices } from '../../src/core/services.js';
import { parseOptions } from '../../src/core/parse-options.js';
import { consoleLogger } from '../../src/core/logger.js';
import { liveVariables } from '../../src/engine/live-variables.js';
import { RecordedFunction } from '../../src/engine/record/recorded-function.js';
import { tf, type Tensor, type TypedArray } from '../../src/engine/tfjs.js';
import type { Variable } from '../../src/engine/variable.js';
import { CallContext } from '../../src/layers/call-context.js';
import type { BaseModel } from '../../src/model/base-model.js';
import { CompileOptions } from '../../src/model/compile-options.js';
import { compilePlan } from '../../src/model/compile-plan.js';
import type { DeviceBatch } from '../../src/training/device-batch.js';
import { EagerRunner } from '../../src/training/eager-runner.js';
import { forwardBackward } from '../../src/training/forward-backward.js';
import { RecordedRunner } from '../../src/training/recorded-runner.js';
import { TrainState } from '../../src/training/train-state.js';
import type { TrainingPlan } from '../../src/training/training-plan.js';

/**
 * How far the two modes may be apart in one step from equal states, in the L2 norm of each tensor: a few roundings of
 * float32 (6e-8 each) that sums of hundreds of terms add up.
 */
export const STEP_TOLERANCE = 2e-6;
/** How far two free-running loss curves may drift: roundings grow along the way. */
export const CURVE_TOLERANCE = 1e-3;

/** What is computed otherwise once recorded, and differs in its last bits for it. */
export const KNOWN_TO_DIFFER: Readonly<Record<string, string>> = {
  Softmax: "Grappler's layout pass puts oneDNN's kernel in the place of TensorFlow's own",
  MatMul: 'stands for the batch product in which tfjs writes every product of matrices (pass "matmul-of-matrices")',
  _FusedMatMul: 'product, bias and activation in one kernel of oneDNN (Grappler, remapper)',
  BiasAddGrad: 'sums over images in an order of its own',
};

type Values = ReadonlyMap<Variable, TypedArray>;

/** One step from one state, in both modes. */
export interface StepComparison {
  readonly losses: readonly [eager: number, recorded: number];
  /** Relative distance by name: `loss`, `gradient kernel`, `state kernel`. */
  readonly distances: ReadonlyMap<string, number>;
  /** Names of integer state and of probes whose bits differ. */
  readonly otherBits: readonly string[];
}

export interface TwoModesOptions {
  readonly model: () => BaseModel;
  readonly compile: Partial<CompileOptions>;
  readonly inputShape: readonly number[];
  /**
   * Least norm against which a tensor's distance is taken, by a part of its name: for what is mathematically zero, such as
   * the gradient of a bias before BatchNorm, and is rounding only.
   */
  readonly floors?: Readonly<Record<string, number>>;
  /** Tensors of a training step that must be equal to the bit, e.g. dropout masks. */
  readonly probe?: (model: BaseModel, context: CallContext) => Tensor[];
}

/** One model with one state, stepped in both modes. */
export class TwoModes {
  readonly model: BaseModel;
  private readonly plan: TrainingPlan;
  private readonly state: TrainState;
  private readonly eager: EagerRunner;
  private readonly recorded: RecordedRunner;
  private readonly variables: readonly Variable[];
  private gradientFunction: RecordedFunction | undefined;
  private gradientPaths: readonly string[] = [];

  constructor(private readonly options: TwoModesOptions) {
    const existing = new Set(liveVariables.values());
    this.model = options.model();
    const compileOptions = parseOptions(CompileOptions, options.compile, 'two modes');
    this.plan = compilePlan(compileOptions, currentServices(), 'two modes');
    this.model.build([null, ...options.inputShape], this.plan.seed);
    this.state = new TrainState(this.model, this.plan);
    this.variables = ([...liveVariables.values()] as Variable[]).filter((variable) => !existing.has(variable));
    this.eager = new EagerRunner(this.model, this.plan);
    this.recorded = new RecordedRunner(this.model, this.plan, consoleLogger);
  }

  /** Number of variables that are compared. */
  get stateSize(): number {
    return this.variables.length;
  }

  /** Runs one step in both modes from the present state, and leaves the state as eager execution made it. */
  async step(batch: DeviceBatch, gated: boolean): Promise<StepComparison> {
    const start = this.read();
    const [eagerGradients, recordedGradients] = await this.gradients(batch);
    const train = { gated, fetchLogs: true };
    const recordedLoss = (await this.recorded.train(this.state, [batch], train)).logs[0]!['loss']!;
    const recordedState = this.read();
    this.write(start);
    const eagerLoss = (await this.eager.train(this.state, [batch], train)).logs[0]!['loss']!;
    const eagerState = this.read();

    const distances = new Map([['loss', Math.abs(recordedLoss - eagerLoss) / Math.abs(eagerLoss)]]);
    const otherBits: string[] = [];
    for (const [name, values] of eagerGradients) {
      const other = recordedGradients.get(name)!;
      if (name.startsWith('probe')) {
        if (!equalBits(values, other)) otherBits.push(name);
      } else distances.set(name, this.distance(name, other, values));
    }
    for (const [variable, values] of eagerState) {
      const name = `state ${variable.name}`;
      const other = recordedState.get(variable)!;
      if (variable.dtype !== 'float32') {
        if (!equalBits(values, other)) otherBits.push(name);
      } else distances.set(name, this.distance(name, other, values));
    }
    return { losses: [eagerLoss, recordedLoss], distances, otherBits };
  }

  /** Whether two steps in a row changed this state, so that its equality says something. */
  changed(before: Values): string[] {
    const now = this.read();
    return this.variables
      .filter((variable) => !equalBits(before.get(variable)!, now.get(variable)!))
      .map(({ name }) => name);
  }

  read(): Values {
    return new Map(
      this.variables.map((variable) => {
        const value = variable.read();
        const values = value.dataSync().slice();
        value.dispose();
        return [variable, values];
      }),
    );
  }

  dispose(): void {
    this.gradientFunction?.dispose();
    this.recorded.dispose();
    this.state.dispose();
    this.model.dispose();
  }

  private write(values: Values): void {
    for (const [variable, numbers] of values) {
      tf.tidy(() => variable.assign(tf.tensor(numbers, [...variable.shape], variable.dtype as 'float32')));
    }
  }

  /** Gradients by `gradient path`, and probes, of the present state in both modes. */
  private async gradients(batch: DeviceBatch): Promise<[Map<string, TypedArray>, Map<string, TypedArray>]> {
    const inputs = [batch.x, batch.y!, ...(batch.sampleWeight === undefined ? [] : [batch.sampleWeight])];
    const compute = (): Tensor[] =>
      tf.tidy(() => {
        const context = () =>
          new CallContext({ training: true, seed: this.plan.seed, step: this.state.randomStep.read() });
        const own = context();
        const { weights } = forwardBackward(this.model, this.plan, batch, own, this.state.lossScale);
        own.dispose();
        const reached = weights.filter(({ gradient }) => gradient !== null);
        this.gradientPaths = reached.map(({ path }) => path);
        const probes = this.options.probe?.(this.model, context()) ?? [];
        return [...reached.map(({ gradient }) => gradient!), ...probes];
      });
    const name = (tensors: Tensor[]): Map<string, TypedArray> => {
      const named = tensors.map((tensor, i) => {
        const path = this.gradientPaths[i];
        return [path === undefined ? `probe ${i}` : `gradient ${path}`, tensor.dataSync().slice()] as const;
      });
      tf.dispose(tensors);
      return new Map(named);
    };
    const eager = name(compute());
    this.gradientFunction ??= RecordedFunction.record('gradients', inputs, compute);
    return [eager, name(await this.gradientFunction.call(inputs))];
  }

  private distance(name: string, actual: TypedArray, wanted: TypedArray): number {
    const floor = Object.entries(this.options.floors ?? {}).find(([part]) => name.includes(part))?.[1] ?? 0;
    const difference = Math.hypot(...Array.from(actual, (value, i) => value - wanted[i]!));
    if (difference === 0) return 0;
    return difference / Math.max(floor, Math.hypot(...wanted));
  }
}

function equalBits(a: TypedArray, b: TypedArray): boolean {
  return Buffer.compare(bytesOf(a), bytesOf(b)) === 0;
}

function bytesOf({ buffer, byteOffset, byteLength }: TypedArray): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
}

/** Repeatable numbers between -1 and 1. */
export function scattered(shape: readonly number[], phase = 0): Tensor {
  const size = tf.util.sizeFromShape([...shape]);
  return tf.tensor(
    Float32Array.from({ length: size }, (_, i) => Math.sin(12.9898 * (i + 1) + 78.233 * phase) ** 3),
    [...shape],
  );
}
