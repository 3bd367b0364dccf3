import { attribute, executeOp } from '../../engine/execute-op.js';
import { tf, type Tensor } from '../../engine/tfjs.js';
import { asFactor, conjugate } from '../conjugate.js';
import { registerNativeKernel, runKernel } from '../native-kernel.js';
import { registerKernelVjp } from '../register-kernel-vjp.js';
import { sumToShape } from './broadcast-binary.js';

/** `a / b`, zero where `b` is zero. */
const DIV_NO_NAN = 'DivNoNan';
/** `x / y`, zero where `x` is zero. */
const XDIVY = 'Xdivy';

/** The quotient of two tensors, zero, with zero gradients, where the second is zero. */
export function divNoNan(a: Tensor, b: Tensor): Tensor {
  return runKernel(DIV_NO_NAN, { a, b });
}

/**
 * A quotient that the result does not depend on, cotangent zero, has zero gradients also where it divides by zero: that is
 * what makes `tf.divNoNan`, and other quotients behind a `tf.where`, differentiable. Constants are left to tfjs's own rule.
 */
export function installDivision(): void {
  for (const [kernel, first, second] of [
    [DIV_NO_NAN, 'a', 'b'],
    [XDIVY, 'x', 'y'],
  ] as const) {
    registerNativeKernel(
      kernel,
      (inputs) => executeOp(kernel, [attribute.type('T', inputs[first]!.dtype)], [inputs[first]!, inputs[second]!])[0]!,
    );
    registerKernelVjp(kernel, {
      keepInputs: [first, second],
      backward: (cotangent, kept) => {
        const [a, b] = [kept.input(first), kept.input(second)];
        return {
          [first]: () => sumToShape(divNoNan(cotangent, conjugate(b)), a.shape),
          [second]: () => {
            const divisor = conjugate(b);
            const slope = divNoNan(divNoNan(tf.mul(cotangent, conjugate(a)), divisor), divisor);
            return sumToShape(tf.neg(slope), b.shape);
          },
        };
      },
    });
  }
  registerKernelVjp(
    'RealDiv',
    {
      keepInputs: ['a', 'b'],
      backward: (cotangent, kept) => {
        const [a, b] = [kept.input('a'), kept.input('b')];
        const divide = (by: Tensor, divisor: Tensor): Tensor =>
          b.size === 1 ? tf.div(by, divisor) : runKernel(XDIVY, { x: by, y: divisor });
        return {
          a: () => sumToShape(divide(cotangent, asFactor(b)), a.shape),
          b: () => {
            const product = sumToShape(tf.mul(cotangent, asFactor(a)), b.shape);
            return tf.neg(divide(product, asFactor(tf.square(b))));
          },
        };
      },
    },
    { replace: true },
  );
}
