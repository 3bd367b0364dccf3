import { tf } from '../../engine/tfjs.js';
import { registerKernelVjp } from '../register-kernel-vjp.js';
import { sumToShape } from './broadcast-binary.js';

/** tfjs's rule fails where one stack of matrices was repeated along the batch axes of the other. */
export function installMatMul(): void {
  registerKernelVjp(
    'BatchMatMul',
    {
      keepInputs: ['a', 'b'],
      backward: (cotangent, kept, attributes) => {
        const [a, b] = [kept.input('a'), kept.input('b')];
        const [transposeA, transposeB] = [attributes['transposeA'] === true, attributes['transposeB'] === true];
        return {
          a: () => {
            const gradient = transposeA
              ? tf.matMul(b, cotangent, transposeB, true)
              : tf.matMul(cotangent, b, false, !transposeB);
            return sumToShape(gradient, a.shape);
          },
          b: () => {
            const gradient = transposeB
              ? tf.matMul(cotangent, a, true, transposeA)
              : tf.matMul(a, cotangent, !transposeA, false);
            return sumToShape(gradient, b.shape);
          },
        };
      },
    },
    { replace: true },
  );
}
