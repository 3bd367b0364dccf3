import { tf, type Tensor } from '../engine/tfjs.js';
import type { KernelVjpRule } from './register-kernel-vjp.js';
import { withTapeAside, type KernelAttributes } from './tape.js';

type Composed = (inputs: Record<string, Tensor>, attributes: KernelAttributes) => Tensor;

/**
 * The rule of a kernel that has no gradient kernel of its own: the gradients of the same function composed of
 * differentiable operations. They are differentiable in their turn.
 *
 * @param inputNames - the kernel's inputs; one that a call leaves out is left out here too
 */
export function composedVjp(inputNames: readonly string[], composed: Composed): KernelVjpRule {
  return {
    keepInputs: inputNames,
    backward: (cotangent, kept, attributes) => {
      const names = inputNames.filter((name) => kept.has(name));
      return gradientsOf(
        composed,
        Object.fromEntries(names.map((name) => [name, kept.input(name)])),
        attributes,
        cotangent,
      );
    },
  };
}

/** One function for each input, as a rule returns them. */
export function gradientsOf(
  composed: Composed,
  inputs: Record<string, Tensor>,
  attributes: KernelAttributes,
  cotangent: Tensor,
): Record<string, () => Tensor> {
  const tensors = Object.values(inputs);
  // Not inside a result's function: what one of those makes is gone when the next is called.
  const gradients = withTapeAside(() => {
    const { value, grads } = tf.engine().gradients(() => composed(inputs, attributes), tensors, cotangent, true);
    value.dispose();
    return grads as (Tensor | undefined)[];
  });
  return Object.fromEntries(
    Object.keys(inputs).map((name, i) => [name, () => gradients[i] ?? tf.zerosLike(tensors[i]!)] as const),
  );
}
