import { attribute, executeOp } from '../../engine/execute-op.js';
import { tf, type Tensor } from '../../engine/tfjs.js';
import { registerNativeKernel, runKernel } from '../native-kernel.js';
import { registerKernelVjp } from '../register-kernel-vjp.js';

/**
 * Rectified linear unit, `max(x, 0)`, with TensorFlow's own gradient kernel; `tf.relu` has the same gradient.
 *
 * @param x - any shape
 */
export function relu(x: Tensor): Tensor {
  return tf.relu(x);
}

export function installRelu(): void {
  registerNativeKernel(
    'ReluGrad',
    ({ cotangent, output }) => executeOp('ReluGrad', [attribute.type('T', 'float32')], [cotangent!, output!])[0]!,
  );
  // The output serves as well as the input (its sign is all that is read) and is kept anyway by the next layer.
  registerKernelVjp(
    'Relu',
    {
      keepOutputs: [true],
      backward: (cotangent, kept) => ({
        x: () => runKernel('ReluGrad', { cotangent, output: kept.output(0) }),
      }),
    },
    { replace: true },
  );
  registerKernelVjp('ReluGrad', {
    keepInputs: ['output'],
    backward: (cotangent, kept) => ({
      cotangent: () => runKernel('ReluGrad', { cotangent, output: kept.input('output') }),
      output: () => tf.zerosLike(kept.input('output')),
    }),
  });
}
