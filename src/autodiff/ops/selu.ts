import { attribute, executeOp } from '../../engine/execute-op.js';
import { tf } from '../../engine/tfjs.js';
import { registerNativeKernel, runKernel } from '../native-kernel.js';
import { registerKernelVjp } from '../register-kernel-vjp.js';

/** tfjs rounds selu's constants to float32; the native gradient has them in the precision of its type. */
export function installSelu(): void {
  registerNativeKernel(
    'SeluGrad',
    ({ cotangent, output }) => executeOp('SeluGrad', [attribute.type('T', 'float32')], [cotangent!, output!])[0]!,
  );
  registerKernelVjp(
    'Selu',
    {
      keepOutputs: [true],
      backward: (cotangent, kept) => ({ x: () => runKernel('SeluGrad', { cotangent, output: kept.output(0) }) }),
    },
    { replace: true },
  );
  // Where the output is negative the slope is the output and a constant, else a constant.
  registerKernelVjp('SeluGrad', {
    keepInputs: ['cotangent', 'output'],
    backward: (cotangent, kept) => {
      const output = kept.input('output');
      return {
        cotangent: () => runKernel('SeluGrad', { cotangent, output }),
        output: () => tf.mul(tf.mul(cotangent, kept.input('cotangent')), tf.cast(tf.less(output, 0), 'float32')),
      };
    },
  });
}
