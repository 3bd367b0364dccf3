import '../../src/container.js';
import { defineVjp } from '../../src/autodiff/define-vjp.js';
import { LambdaCallback } from '../../src/callbacks/lambda-callback.js';
import { NonFiniteGuard } from '../../src/debug/non-finite-guard.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import type { BaseLayer } from '../../src/layers/base-layer.js';
import { BaseLayer as LayerBase } from '../../src/layers/base-layer.js';
import { Layer, Weight } from '../../src/layers/declarations.js';
import { layers } from '../../src/layers/layers.js';
import type { WeightHandle } from '../../src/layers/weight-handle.js';
import { sequential } from '../../src/model/sequential.js';
import type { Sequential } from '../../src/model/sequential.js';
import { Adam } from '../../src/optimizers/adam.js';
import { BaseOptimizer, type WeightUpdate } from '../../src/optimizers/base-optimizer.js';
import { Optimizer } from '../../src/optimizers/declarations.js';
import { SGD } from '../../src/optimizers/sgd.js';
import type { TrainingRun } from '../../src/training/callback-contract.js';
import type { NonFiniteFindings, NonFiniteReport } from '../../src/training/non-finite-report.js';

/** How a fault's training is run. */
export const FAULT_MODES = {
  eager: { execution: 'eager' },
  recorded: { execution: 'recorded' },
  'mixed precision': { execution: 'recorded', precision: 'mixed_bfloat16' },
  checkpointed: { execution: 'recorded', checkpoint: 'all' },
} as const;
export type FaultMode = keyof typeof FAULT_MODES;

const ROWS = 8;
const WIDTH = 3;
/** The example that is made faulty. */
const BAD_ROW = 5;

/** A fault with the place where it has to be found. */
export interface NonFiniteFault {
  readonly name: string;
  readonly kind: 'forward' | 'backward' | 'update' | 'input';
  /** The layer in the middle, named `fault`; default the identity. */
  readonly layer?: () => BaseLayer;
  /** First number of the bad row of the input. Default like the others. */
  readonly special?: number;
  /** The whole bad row of the input. */
  readonly row?: readonly number[];
  /** First label of the bad row. */
  readonly label?: number;
  /** A constant in the second column of the input. */
  readonly column?: number;
  readonly compile?: () => object;
  /** Options of the last layer. */
  readonly last?: () => object;
  /** Does harm before the second epoch. */
  readonly harm?: (run: TrainingRun, model: Sequential, x: Float32Array) => void;
  readonly expected: Partial<Pick<NonFiniteFindings, 'kind' | 'op' | 'phase' | 'layer' | 'weight' | 'part'>>;
  readonly examples: readonly number[] | 'all';
}

/** x times a weight of 1; a product of matrices, so that the layer after it is given half precision in mixed precision. */
@Layer('test/unit-scale')
class UnitScale extends LayerBase {
  @Weight(() => ({ shape: [], initializer: 'ones' })) factor!: WeightHandle;
  call(x: Tensor): Tensor {
    return tf.matMul(x, tf.mul(tf.eye(WIDTH), this.factor.value));
  }
}

/** Divides by the root of a mean of squares, which is 0 at first, and has no epsilon. */
@Optimizer('test/rootless')
class Rootless extends BaseOptimizer {
  override slots() {
    return { meanSquare: 0 };
  }
  apply({ variable, gradient, slots, learningRate }: WeightUpdate): void {
    const root = tf.sqrt(slots.meanSquare!.read());
    variable.assign(tf.sub(variable.read(), tf.mul(learningRate, tf.div(gradient, root))));
    slots.meanSquare!.assign(tf.square(gradient));
  }
}

const apply = (fn: (x: Tensor) => Tensor) => () => layers.activation({ activation: fn, name: 'fault' });
const one = [BAD_ROW];

function setVariable(run: TrainingRun, name: string, value: number): void {
  const { state, model } = run.inspection;
  const weights = [...model.weightTree()].map(([path, { handle }]) => [path, handle.variable] as const);
  const [, variable] = [...weights, ...state.entries()].find(([path]) => path.endsWith(name))!;
  const filled = tf.fill([...variable.shape], value);
  variable.assign(filled);
  filled.dispose();
}

let rules = 0;
const nanRule = (): ((x: Tensor) => Tensor) => {
  const rule = defineVjp(`test/nan-gradient-${rules++}`, {
    inputs: ['x'],
    forward: (x) => tf.mul(x, 2),
    backward: (cotangent) => ({ x: () => tf.sqrt(tf.sub(tf.mul(cotangent, 0), 1)) }),
  });
  return (x) => rule(x);
};

export const NON_FINITE_FAULTS: readonly NonFiniteFault[] = [
  {
    name: 'log of 0',
    kind: 'forward',
    layer: apply((x) => tf.log(x)),
    special: 0,
    expected: { kind: 'op', op: 'Log', phase: 'forward', layer: 'fault' },
    examples: one,
  },
  {
    name: 'log of a negative number',
    kind: 'forward',
    layer: apply((x) => tf.log(x)),
    special: -1,
    expected: { kind: 'op', op: 'Log', phase: 'forward', layer: 'fault' },
    examples: one,
  },
  {
    name: 'division by 0',
    kind: 'forward',
    layer: apply((x) => tf.div(tf.scalar(1), x)),
    special: 0,
    expected: { kind: 'op', op: 'RealDiv', phase: 'forward', layer: 'fault' },
    examples: one,
  },
  {
    name: 'overflow of exp',
    kind: 'forward',
    layer: apply((x) => tf.exp(x)),
    special: 200,
    expected: { kind: 'op', op: 'Exp', phase: 'forward', layer: 'fault' },
    examples: one,
  },
  {
    name: 'softmax by hand',
    kind: 'forward',
    layer: apply((x) => tf.div(tf.exp(x), tf.sum(tf.exp(x), -1, true))),
    special: 200,
    expected: { kind: 'op', op: 'Exp', phase: 'forward', layer: 'fault' },
    examples: one,
  },
  {
    name: 'negative base of a power',
    kind: 'forward',
    layer: apply((x) => tf.pow(x, 0.5)),
    special: -1,
    expected: { kind: 'op', op: 'Pow', phase: 'forward', layer: 'fault' },
    examples: one,
  },
  {
    name: 'acos of 2',
    kind: 'forward',
    layer: apply((x) => tf.acos(tf.mul(x, 0.5))),
    special: 4,
    expected: { kind: 'op', op: 'Acos', phase: 'forward', layer: 'fault' },
    examples: one,
  },
  {
    name: 'square of 1e30',
    kind: 'forward',
    layer: apply((x) => tf.square(x)),
    special: 1e30,
    expected: { kind: 'op', op: 'Square', phase: 'forward', layer: 'fault' },
    examples: one,
  },
  {
    name: 'a row that is masked wholly',
    kind: 'forward',
    layer: apply((x) =>
      tf.softmax(
        tf.add(x, tf.tensor2d(Array.from({ length: ROWS }, (_, i) => Array(WIDTH).fill(i === 2 ? -Infinity : 0)))),
      ),
    ),
    expected: { kind: 'op', op: 'Softmax', phase: 'forward', layer: 'fault' },
    examples: 'all',
  },
  {
    name: 'normalisation of a constant channel without epsilon',
    kind: 'forward',
    layer: apply((x) => {
      const { mean, variance } = tf.moments(x, 0);
      return tf.div(tf.sub(x, mean), tf.sqrt(variance));
    }),
    column: 0.5,
    expected: { kind: 'op', op: 'RealDiv', phase: 'forward', layer: 'fault' },
    examples: 'all',
  },
  {
    name: 'loss that takes the log of a prediction',
    kind: 'forward',
    last: () => ({ kernelInitializer: 'zeros' }),
    compile: () => ({ loss: (y: Tensor, p: Tensor) => tf.neg(tf.mean(tf.mul(y, tf.log(p)), -1)) }),
    expected: { kind: 'op', op: 'Log', phase: 'forward', layer: '', part: 'loss "loss"' },
    examples: 'all',
  },
  {
    name: 'regularizer that divides by 0',
    kind: 'forward',
    last: () => ({ kernelRegularizer: { penalty: (w: Tensor) => tf.sum(tf.div(tf.scalar(1), tf.sub(w, w))) } }),
    expected: { kind: 'op', op: 'RealDiv', phase: 'forward', layer: '', part: 'regularizer of weight "last/kernel"' },
    examples: 'all',
  },
  {
    name: 'gradient of sqrt at 0',
    kind: 'backward',
    layer: apply((x) => tf.sqrt(x)),
    special: 0,
    expected: { kind: 'op', op: 'RealDiv', phase: 'backward', layer: 'fault' },
    examples: one,
  },
  {
    name: 'gradient of the norm of zeros',
    kind: 'backward',
    layer: apply((x) => tf.mul(x, tf.sqrt(tf.sum(tf.square(x), -1, true)))),
    row: [0, 0, 0],
    expected: { kind: 'op', op: 'RealDiv', phase: 'backward', layer: 'fault' },
    examples: one,
  },
  {
    name: 'where around a log',
    kind: 'backward',
    layer: apply((x) => tf.where(tf.greater(x, 0), tf.log(x), tf.zerosLike(x))),
    special: 0,
    expected: { kind: 'op', op: 'RealDiv', phase: 'backward', layer: 'fault' },
    examples: one,
  },
  {
    name: 'gradient of a power at 0',
    kind: 'backward',
    layer: apply((x) => tf.pow(x, 0.5)),
    special: 0,
    expected: { kind: 'op', op: 'Pow', phase: 'backward', layer: 'fault' },
    examples: one,
  },
  {
    name: 'gradient of acos at 1',
    kind: 'backward',
    layer: apply((x) => tf.acos(tf.mul(x, 0.25))),
    special: 4,
    expected: { kind: 'op', op: 'RealDiv', phase: 'backward', layer: 'fault' },
    examples: one,
  },
  {
    name: 'custom rule that gives NaN',
    kind: 'backward',
    layer: () => layers.activation({ activation: nanRule(), name: 'fault' }),
    expected: { kind: 'op', op: 'Sqrt', phase: 'backward', layer: 'fault' },
    examples: 'all',
  },
  {
    name: 'learning rate of 1e38',
    kind: 'update',
    compile: () => ({ optimizer: new SGD({ learningRate: 1e38 }) }),
    label: 1e4,
    expected: { kind: 'op', op: 'ResourceApplyGradientDescent', phase: 'update', weight: 'scale/factor' },
    examples: 'all',
  },
  {
    name: 'optimizer without epsilon',
    kind: 'update',
    compile: () => ({ optimizer: new Rootless({ learningRate: 0.01 }) }),
    expected: { kind: 'op', op: 'RealDiv', phase: 'update', weight: 'scale/factor' },
    examples: 'all',
  },
  {
    name: 'NaN in a slot',
    kind: 'update',
    compile: () => ({ optimizer: new Adam() }),
    harm: (run) => setVariable(run, 'last/kernel/mean', NaN),
    expected: { kind: 'state', op: '', weight: 'last/kernel' },
    examples: 'all',
  },
  {
    name: 'infinite weight',
    kind: 'input',
    harm: (run) => setVariable(run, 'last/kernel', Infinity),
    expected: { kind: 'weight', op: '', weight: 'last/kernel' },
    examples: 'all',
  },
  {
    name: 'label of 1e30',
    kind: 'input',
    label: 1e30,
    expected: { kind: 'op', op: 'Square', phase: 'forward', layer: '', part: 'loss "mean_squared_error"' },
    examples: one,
  },
  {
    name: 'input that is overwritten with NaN',
    kind: 'input',
    harm: (_run, _model, x) => x.fill(NaN, BAD_ROW * WIDTH, BAD_ROW * WIDTH + 1),
    expected: { kind: 'input', op: '' },
    examples: one,
  },
];

/** What a fault's training brought. */
export interface FaultOutcome {
  readonly report: NonFiniteReport | undefined;
  readonly stopReason: string | null;
  /** What was found otherwise than expected; empty where all is right. */
  readonly wrong: readonly string[];
}

/** Trains with a fault and a guard. */
export async function runFault(fault: NonFiniteFault, mode: FaultMode): Promise<FaultOutcome> {
  const model = sequential([
    new UnitScale({ name: 'scale' }),
    fault.layer?.() ?? layers.activation({ activation: 'tanh', name: 'middle' }),
    layers.dense({ units: 1, name: 'last', ...fault.last?.() }),
  ]);
  model.compile({
    optimizer: 'sgd',
    loss: 'meanSquaredError',
    seed: 3,
    ...FAULT_MODES[mode],
    ...fault.compile?.(),
  } as Parameters<Sequential['compile']>[0]);
  const { x, y } = dataOf(fault);
  const guard = new NonFiniteGuard({ onReport: () => undefined });
  const harm = new LambdaCallback({
    onEpochBegin: (epoch, run) => {
      if (epoch === 1) fault.harm?.(run, model, x);
    },
  });
  try {
    const { stopReason } = await model.fit({ values: x, shape: [ROWS, WIDTH], dtype: 'float32' }, y, {
      batchSize: ROWS,
      epochs: 2,
      shuffle: false,
      verbose: 0,
      callbacks: [harm, guard],
    });
    const [report] = guard.reports;
    return { report, stopReason, wrong: differences(fault, report) };
  } finally {
    model.dispose();
  }
}

function differences({ expected, examples }: NonFiniteFault, report: NonFiniteReport | undefined): string[] {
  if (report === undefined) return ['no report'];
  const wrong = Object.entries({ ...expected, examples })
    .map(([name, value]) => [name, String(value), String(report[name as keyof NonFiniteReport])] as const)
    .filter(([, wanted, found]) => wanted !== found)
    .map(([name, wanted, found]) => `${name} ${found || '(none)'}, wanted ${wanted || '(none)'}`);
  return report.confirmedEagerly === false ? [...wrong, 'another op in the run op by op'] : wrong;
}

function dataOf({ special, row, label, column }: NonFiniteFault): { x: Float32Array; y: number[][] } {
  const x = Float32Array.from({ length: ROWS * WIDTH }, (_, i) => 1 + 0.5 * Math.sin(12.9898 * (i + 1)));
  if (column !== undefined) for (let i = 0; i < ROWS; i++) x[i * WIDTH + 1] = column;
  if (row !== undefined) x.set(row, BAD_ROW * WIDTH);
  if (special !== undefined) x[BAD_ROW * WIDTH] = special;
  const y = Array.from({ length: ROWS }, (_, i) => [i === BAD_ROW ? (label ?? 1) : i / ROWS]);
  return { x, y };
}
