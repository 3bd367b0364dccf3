import { SetupError } from '../core/errors.js';
import { didYouMean } from '../core/nearest-name.js';
import { formatShape } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import type { Variable } from '../engine/variable.js';
import type { CallContext } from '../layers/call-context.js';
import type { GradientTransform, TensorsByPath, TransformStep } from '../optimizers/gradient-transform.js';
import { applyTransforms } from '../optimizers/chain.js';
import { normOf } from '../optimizers/gradient-norm.js';
import type { TransformState } from '../optimizers/transform-state.js';
import type { Gate } from './gate.js';

/** The names under which a step logs the norm of all gradients: as they come, and as clipping leaves them. */
export const NORM_LOGS = ['gradientNorm', 'clippedGradientNorm'] as const;

/** One run of a chain of transforms: what they are given of the step, and what they ask of it. */
export class TransformRun {
  readonly logs: Record<string, Tensor> = {};
  private readonly conditions: Tensor[] = [];

  constructor(
    private readonly state: TransformState,
    private readonly call: CallContext,
    private readonly iterations: Variable,
    private readonly learningRate: Tensor,
  ) {}

  /** @param clipping - how many of the chain come before the norm is measured again; `null` measures none */
  apply(gradients: TensorsByPath, weights: TensorsByPath, clipping: number | null): TensorsByPath {
    const { chain } = this.state;
    const part = (from: number, to: number, given: TensorsByPath): TensorsByPath =>
      applyTransforms(chain.slice(from, to), given, weights, (i) => this.stepOf(from + i));
    if (clipping === null) return part(0, chain.length, gradients);
    const [before, after] = NORM_LOGS;
    this.logs[before] = normOf([...gradients.values()]);
    const clipped = part(0, clipping, gradients);
    this.logs[after] = normOf([...clipped.values()]);
    return part(clipping, chain.length, clipped);
  }

  /** Whether the transforms let the update be made; `null` where none of them asked. */
  get wanted(): Gate {
    return this.conditions.length === 0 ? null : this.conditions.reduce((a, b) => tf.logicalAnd(a, b));
  }

  private stepOf(index: number): TransformStep {
    const { state, call, iterations, learningRate, logs, conditions } = this;
    const transform = state.chain[index]!;
    return {
      get iteration() {
        return iterations.read();
      },
      learningRate,
      variables: state.variablesOf(index),
      slotsOf: (path) => state.slotsOf(index, path),
      normal: (shape, name) => call.normal(shape, `transform ${index} ${name}`),
      skipUnless: (condition) => void conditions.push(call.keep(scalar(condition, 'bool', transform.name))),
      log: (name, value) => {
        if (transform.logs?.includes(name) !== true) throw undeclared(transform, name);
        logs[name] = call.keep(scalar(tf.cast(value, 'float32'), 'float32', transform.name));
      },
    };
  }
}

function scalar(value: Tensor, dtype: 'bool' | 'float32', name: string): Tensor {
  if (value.dtype === dtype && value.rank === 0) return value;
  throw new SetupError('transform-scalar', {
    where: `gradient transform "${name}"`,
    expected: `a ${dtype} scalar`,
    received: `${value.dtype} ${formatShape(value.shape)}`,
    fix: dtype === 'bool' ? 'reduce it first, e.g. tf.all(condition)' : 'reduce it first, e.g. tf.mean(value)',
  });
}

/** Its mean needs variables, which are made before the first step. */
function undeclared({ name, logs = [] }: GradientTransform, log: string): SetupError {
  return new SetupError('transform-log', {
    where: `gradient transform "${name}"`,
    expected: 'to log under the names that its field logs lists',
    received: JSON.stringify(log),
    fix: logs.length === 0 ? `add logs: [${JSON.stringify(log)}] to the transform` : didYouMean(log, logs),
  });
}
