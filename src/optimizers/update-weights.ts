import { SetupError } from '../core/errors.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import type { Variable } from '../engine/variable.js';
import { allFinite } from './all-finite.js';
import { assignOneOf } from './assign-where.js';
import type { BaseOptimizer, WeightUpdate } from './base-optimizer.js';
import type { OptimizerState } from './optimizer-state.js';

/** One weight of a step, ready to be updated. */
export type PendingUpdate = Pick<WeightUpdate, 'path' | 'variable' | 'value' | 'gradient'>;

/**
 * Updates weights and the optimizer's state by one step.
 *
 * @param learningRate - scalar
 * @param finite - boolean scalar: false leaves weights and state as they are, to the bit, whatever the gradients hold;
 * `null` always updates
 * @returns whether the update stands: `finite`, and every gradient and new value is, too; `null` where nobody asked
 */
export function updateWeights(
  optimizer: BaseOptimizer,
  state: OptimizerState,
  updates: readonly PendingUpdate[],
  learningRate: Tensor,
  finite: Tensor | null,
): Tensor | null {
  // `tidy` takes null for a result, its types do not.
  return tf.tidy(() => {
    const scalars = Object.fromEntries(Object.entries(state.scalars).map(([name, scalar]) => [name, scalar.read()]));
    const weights = updates.map((update) => ({ ...update, slots: state.slotsOf(update.path) }));
    const groups: readonly Variable[][] = [
      ...weights.map(({ variable, slots }) => [variable, ...Object.values(slots)]),
      ...Object.values(state.scalars).map((scalar) => [scalar]),
      [state.iterations],
    ];
    // Reading copies nothing; a kernel that then writes in place copies first. Nobody reads where nobody gates.
    const old = finite === null ? [] : groups.map(readAll);
    for (const update of weights)
      tf.tidy(() => refusePromise(optimizer, optimizer.apply({ ...update, scalars, learningRate })));
    optimizer.advance(state.scalars);
    state.iterations.assignAdd(tf.scalar(1, 'int32'));
    if (finite === null) return null as unknown as Tensor;
    const now = groups.map(readAll);
    const tested = groups.map((_, i) => (i < weights.length ? [weights[i]!.gradient, ...now[i]!] : now[i]!));
    const floats = tested.filter(([value]) => value!.dtype === 'float32');
    const stands = tf.logicalAnd(finite, allFinite([tf.stack(floats.map(sumOf))]));
    for (const [i, group] of groups.entries()) {
      for (const [k, variable] of group.entries()) assignOneOf(stands, variable, now[i]![k]!, old[i]![k]!);
    }
    return stands;
  }) as Tensor | null;
}

/**
 * Undoes a write that should not have happened: exact for every rule, which masking gradients and rates would not be
 * (negative zeros, infinities), and as fast.
 */
export function putBack(variable: Variable, old: Tensor, stands: Tensor): void {
  tf.tidy(() => assignOneOf(stands, variable, variable.read(), old));
}

function readAll(variables: readonly Variable[]): Tensor[] {
  return variables.map((variable) => variable.read());
}

/**
 * A number that is finite only where a gradient, its weight and slots, all of one shape, are: one test in place of one each.
 * Finite values whose sum is not are at the end of float32's range, where the next step would end.
 */
function sumOf(values: readonly Tensor[]): Tensor {
  return tf.sum(values.length === 1 ? values[0]! : tf.addN([...values]));
}

/** An asynchronous rule would write after the step, or fail where nobody hears it. */
function refusePromise(optimizer: BaseOptimizer, result: unknown): void {
  if (!(result instanceof Promise)) return;
  result.catch(() => {});
  throw new SetupError('optimizer-async', {
    where: `apply of optimizer ${optimizer.constructor.name}`,
    expected: 'a synchronous function',
    received: 'one that returns a promise',
    fix: 'write it without async and await',
  });
}
