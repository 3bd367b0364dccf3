import { attribute, executeOp } from '../../engine/execute-op.js';
import { tf } from '../../engine/tfjs.js';
import { registerNativeKernel, runKernel } from '../native-kernel.js';
import { registerKernelVjp } from '../register-kernel-vjp.js';

/** By the native kernel, for the reason that {@link installTanh} has: `y (1 - y)` needs the forward pass alone. */
export function installSigmoid(): void {
  registerNativeKernel(
    'SigmoidGrad',
    ({ cotangent, output }) => executeOp('SigmoidGrad', [attribute.type('T', 'float32')], [output!, cotangent!])[0]!,
  );
  registerKernelVjp(
    'Sigmoid',
    {
      keepOutputs: [true],
      backward: (cotangent, kept) => ({ x: () => runKernel('SigmoidGrad', { cotangent, output: kept.output(0) }) }),
    },
    { replace: true },
  );
  registerKernelVjp('SigmoidGrad', {
    keepInputs: ['cotangent', 'output'],
    backward: (cotangent, kept) => {
      const output = kept.input('output');
      return {
        cotangent: () => runKernel('SigmoidGrad', { cotangent, output }),
        output: () => tf.mul(tf.mul(cotangent, kept.input('cotangent')), tf.sub(1, tf.mul(output, 2))),
      };
    },
  });
}
