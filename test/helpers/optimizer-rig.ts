import { RecordedFunction } from '../../src/engine/record/recorded-function.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { Variable } from '../../src/engine/variable.js';
import type { BaseOptimizer } from '../../src/optimizers/base-optimizer.js';
import { OptimizerState } from '../../src/optimizers/optimizer-state.js';
import { updateWeights } from '../../src/optimizers/update-weights.js';

/** Numbers of a tensor by weight path, with the weight's shape. */
export type HostTensors = Readonly<Record<string, { readonly shape: readonly number[]; readonly values: number[] }>>;

/** An update of all weights as one function. */
export interface RecordedStep {
  run(gradients: HostTensors, finite?: boolean | null): Promise<void>;
  dispose(): void;
}

/** Weights, an optimizer and its state, without a model around them. */
export class OptimizerRig {
  readonly weights: ReadonlyMap<string, Variable>;
  readonly state: OptimizerState;

  constructor(
    readonly optimizer: BaseOptimizer,
    initial: HostTensors,
  ) {
    this.weights = new Map(
      Object.entries(initial).map(([path, { shape, values }]) => {
        const tensor = tf.tensor(values, [...shape], 'float32');
        const variable = Variable.create(path, tensor);
        tensor.dispose();
        return [path, variable];
      }),
    );
    this.state = OptimizerState.create(optimizer, this.weights);
  }

  /** One update with these gradients; weights without one stay out of it. */
  step(gradients: HostTensors, finite: boolean | null = null): void {
    tf.tidy(() => {
      const updates = Object.entries(gradients).map(([path, { shape, values }]) => {
        const variable = this.weights.get(path)!;
        return { path, variable, value: variable.read(), gradient: tf.tensor(values, [...shape], 'float32') };
      });
      const gate = finite === null ? null : tf.scalar(finite, 'bool');
      updateWeights(this.optimizer, this.state, updates, tf.scalar(this.optimizer.learningRate), gate);
    });
  }

  /** The same update from a recording, which feeds gradients, learning rate and, where there is one, the gate. */
  recordedStep(gradients: HostTensors, finite: boolean | null = null): RecordedStep {
    const make = (at: HostTensors, rate: number, gate: boolean | null): Tensor[] => [
      tf.scalar(rate),
      ...Object.values(at).map(({ shape, values }) => tf.tensor(values, [...shape], 'float32')),
      ...(gate === null ? [] : [tf.scalar(gate, 'bool')]),
    ];
    const paths = Object.keys(gradients);
    const inputs = make(gradients, this.optimizer.learningRate, finite);
    const recorded = RecordedFunction.record('update', inputs, () =>
      tf.tidy(() => {
        const updates = paths.map((path, i) => {
          const variable = this.weights.get(path)!;
          return { path, variable, value: variable.read(), gradient: inputs[i + 1]! };
        });
        const gate = finite === null ? null : inputs.at(-1)!;
        updateWeights(this.optimizer, this.state, updates, inputs[0]!, gate);
        return [];
      }),
    );
    tf.dispose(inputs);
    return {
      run: async (at, gate = null) => {
        const fed = make(at, this.optimizer.learningRate, gate);
        await recorded.call(fed);
        tf.dispose(fed);
      },
      dispose: () => recorded.dispose(),
    };
  }

  weight(path: string): number[] {
    return numbersOf(this.weights.get(path)!);
  }

  /** The bits of every weight and of everything in the optimizer's state. */
  bits(): Record<string, number[]> {
    return Object.fromEntries([...this.weights, ...this.state.entries()].map(([name, v]) => [name, bitsOf(v)]));
  }

  dispose(): void {
    this.state.dispose();
    for (const variable of this.weights.values()) variable.dispose();
  }
}

/** Runs `body` with a rig and frees the rig, whatever happens. */
export function withRig<T>(optimizer: BaseOptimizer, initial: HostTensors, body: (rig: OptimizerRig) => T): T {
  const rig = new OptimizerRig(optimizer, initial);
  try {
    return body(rig);
  } finally {
    rig.dispose();
  }
}

/** A variable's values. */
export function numbersOf(variable: Variable): number[] {
  const tensor: Tensor = variable.read();
  const values = Array.from(tensor.dataSync());
  tensor.dispose();
  return values;
}

function bitsOf(variable: Variable): number[] {
  const values = numbersOf(variable);
  if (variable.dtype !== 'float32') return values;
  return Array.from(new Uint32Array(Float32Array.from(values).buffer));
}

/** Repeatable numbers between -1 and 1. */
export function wave(count: number, phase: number): number[] {
  return Array.from({ length: count }, (_, i) => Math.fround(Math.sin(12.9898 * (i + 1) + 4.1414 * phase)));
}
