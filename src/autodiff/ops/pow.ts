import { tf } from '../../engine/tfjs.js';
import { registerKernelVjp } from '../register-kernel-vjp.js';
import { sumToShape } from './broadcast-binary.js';

/** As tfjs's rule, but for a base of zero: its slope there is zero for the exponent 0, and the exponent's is zero. */
export function installPow(): void {
  registerKernelVjp(
    'Pow',
    {
      keepInputs: ['a', 'b'],
      backward: (cotangent, kept) => {
        const [base, exponent] = [kept.input('a'), kept.input('b')];
        const power = tf.cast(exponent, 'float32');
        const one = tf.onesLike;
        return {
          a: () => {
            const lower = tf.where(tf.equal(power, 0), one(power), tf.sub(power, 1));
            return sumToShape(tf.mul(cotangent, tf.mul(power, tf.pow(base, lower))), base.shape);
          },
          b: () => {
            const positive = tf.greater(base, 0);
            // Chosen before the logarithm, whose gradient at zero would be infinite.
            const logarithm = tf.log(tf.where(positive, base, one(base)));
            return sumToShape(tf.mul(cotangent, tf.mul(tf.pow(base, exponent), logarithm)), exponent.shape);
          },
        };
      },
    },
    { replace: true },
  );
}
