import { typeAttribute } from '../engine/attribute.js';
import { executeOp } from '../engine/execute-op.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import type { Variable } from '../engine/variable.js';
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
 */
export function updateWeights(
  optimizer: BaseOptimizer,
  state: OptimizerState,
  updates: readonly PendingUpdate[],
  learningRate: Tensor,
  finite: Tensor | null,
): void {
  tf.tidy(() => {
    const scalars = Object.fromEntries(Object.entries(state.scalars).map(([name, scalar]) => [name, scalar.read()]));
    for (const update of updates) {
      tf.tidy(() => {
        const slots = state.slotsOf(update.path);
        gated(finite, [[update.variable, update.value], ...Object.values(slots).map(withValue)], () =>
          optimizer.apply({ ...update, slots, scalars, learningRate }),
        );
      });
    }
    gated(finite, [state.iterations, ...Object.values(state.scalars)].map(withValue), () => {
      optimizer.advance(state.scalars);
      state.iterations.assignAdd(tf.scalar(1, 'int32'));
    });

    /** Reading copies nothing; a kernel that then writes in place copies first. Nobody reads where nobody gates. */
    function withValue(variable: Variable): [Variable, Tensor | null] {
      return [variable, finite === null ? null : variable.read()];
    }
  });
}

/**
 * Lets `write` change variables and puts their old values back where it should not have: exact for every rule, which
 * masking gradients and rates would not be (negative zeros, infinities), and as fast.
 */
function gated(
  finite: Tensor | null,
  variables: readonly (readonly [Variable, Tensor | null])[],
  write: () => void,
): void {
  write();
  if (finite === null) return;
  for (const [variable, old] of variables) {
    // With a scalar condition this op passes one of its inputs on and copies neither.
    const [kept] = executeOp('Select', [typeAttribute('T', variable.dtype)], [finite, variable.read(), old!]);
    variable.assign(kept!);
  }
}
