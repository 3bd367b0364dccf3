import { tf } from '../../engine/tfjs.js';
import { runKernel } from '../native-kernel.js';
import { registerKernelVjp } from '../register-kernel-vjp.js';

/** Second order of elu: `EluGrad(dy, y)` is `dy` where `y >= 0`, else `dy (y + 1)`. */
export function installElu(): void {
  registerKernelVjp('EluGrad', {
    keepInputs: ['dy', 'y'],
    backward: (cotangent, kept) => {
      const y = kept.input('y');
      return {
        dy: () => runKernel('EluGrad', { dy: cotangent, y }),
        y: () => tf.mul(tf.mul(cotangent, kept.input('dy')), tf.cast(tf.less(y, 0), 'float32')),
      };
    },
  });
}
