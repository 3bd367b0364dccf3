import { tf } from '../../engine/tfjs.js';
import { exactConstant } from '../exact-constant.js';
import { registerKernelVjp } from '../register-kernel-vjp.js';

const SLOPE_AT_ZERO = 2 / Math.sqrt(Math.PI);

/** tfjs rounds `2 / sqrt(pi)` to float32 wherever the work is done. */
export function installErf(): void {
  registerKernelVjp(
    'Erf',
    {
      keepInputs: ['x'],
      backward: (cotangent, kept) => ({
        x: () => tf.mul(cotangent, tf.mul(tf.exp(tf.neg(tf.square(kept.input('x')))), exactConstant(SLOPE_AT_ZERO))),
      }),
    },
    { replace: true },
  );
}
