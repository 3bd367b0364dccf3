import { tf } from '../../engine/tfjs.js';
import { asFactor } from '../conjugate.js';
import { registerKernelVjp } from '../register-kernel-vjp.js';
import { sumToShape } from './broadcast-binary.js';

/** As tfjs's rules, which drop the imaginary part of complex factors. */
export function installMultiply(): void {
  registerKernelVjp(
    'Multiply',
    {
      keepInputs: ['a', 'b'],
      backward: (cotangent, kept) => {
        const [a, b] = [kept.input('a'), kept.input('b')];
        return {
          a: () => sumToShape(tf.mul(cotangent, asFactor(b)), a.shape),
          b: () => sumToShape(tf.mul(cotangent, asFactor(a)), b.shape),
        };
      },
    },
    { replace: true },
  );
  registerKernelVjp(
    'Square',
    {
      keepInputs: ['x'],
      backward: (cotangent, kept) => ({ x: () => tf.mul(cotangent, tf.mul(asFactor(kept.input('x')), 2)) }),
    },
    { replace: true },
  );
}
