import { currentServices } from '../core/services.js';
import { kernelsWithRules } from './register-kernel-vjp.js';

/** A gradient rule that is in force. */
export interface VjpDescription {
  /** `named` for `defineVjp` and `@CustomVjp`, `kernel` for `registerKernelVjp`. */
  readonly kind: 'named' | 'kernel';
  /** The rule's name, or the kernel's. */
  readonly name: string;
  /** Names of the inputs, declared weights included; none for a kernel, whose inputs tfjs knows. */
  readonly inputs: readonly string[];
  readonly nonDifferentiable: readonly string[];
}

/**
 * Lists the gradient rules in force: the named ones of this instance of Adjoint, and the process-wide ones of kernels.
 *
 * A rule of `defineVjp` belongs to the instance in which it was defined, the default one or that of `adjoint.create`; a
 * rule of `@CustomVjp` is listed once its class is registered.
 *
 * @returns named rules in the order of their definition, then kernels by name
 *
 * @example
 * ```ts
 * import { createAdjoint, defineVjp, listVjps, tf } from 'adjoint';
 *
 * const adjoint = createAdjoint();
 * adjoint.create(() =>
 *   defineVjp('app/reverse', {
 *     inputs: ['x'],
 *     forward: (x) => x,
 *     backward: (cotangent) => ({ x: () => tf.neg(cotangent) }),
 *   }),
 * );
 * const named = () => listVjps().filter(({ kind }) => kind === 'named');
 * console.log(named().length, adjoint.create(named).map(({ name }) => name)); // 0 [ 'app/reverse' ]
 * ```
 */
export function listVjps(): VjpDescription[] {
  const named = currentServices().rules.values();
  const kernels = kernelsWithRules().sort();
  return [
    ...named.map((rule) => ({ kind: 'named' as const, ...rule })),
    ...kernels.map((name) => ({ kind: 'kernel' as const, name, inputs: [], nonDifferentiable: [] })),
  ];
}
