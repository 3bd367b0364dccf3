import { attribute, executeOp } from '../../engine/execute-op.js';
import { tf } from '../../engine/tfjs.js';
import { registerNativeKernel, runKernel } from '../native-kernel.js';
import { registerKernelVjp } from '../register-kernel-vjp.js';

/**
 * tfjs writes the gradient as a product with `1 - y^2`. That needs the forward pass alone, so a recorded step computes it at once
 * and holds one more activation; the native kernel has to wait for the cotangent.
 */
export function installTanh(): void {
  registerNativeKernel(
    'TanhGrad',
    ({ cotangent, output }) => executeOp('TanhGrad', [attribute.type('T', 'float32')], [output!, cotangent!])[0]!,
  );
  registerKernelVjp(
    'Tanh',
    {
      keepOutputs: [true],
      backward: (cotangent, kept) => ({ x: () => runKernel('TanhGrad', { cotangent, output: kept.output(0) }) }),
    },
    { replace: true },
  );
  registerKernelVjp('TanhGrad', {
    keepInputs: ['cotangent', 'output'],
    backward: (cotangent, kept) => {
      const output = kept.input('output');
      return {
        cotangent: () => runKernel('TanhGrad', { cotangent, output }),
        output: () => tf.mul(tf.mul(cotangent, kept.input('cotangent')), tf.mul(output, -2)),
      };
    },
  });
}
