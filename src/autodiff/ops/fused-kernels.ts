import { tf, type Tensor } from '../../engine/tfjs.js';
import { composedVjp } from '../composed-vjp.js';
import { runKernel } from '../native-kernel.js';
import { registerKernelVjp } from '../register-kernel-vjp.js';
import type { KernelAttributes } from '../tape.js';

type Inputs = Record<string, Tensor>;

/** Kernels that add a bias and apply an activation to a product or a convolution: the gradients of the parts. */
export function installFusedKernels(): void {
  const convolution = (kernel: string) => (inputs: Inputs, attributes: KernelAttributes) =>
    finish(runKernel(kernel, { x: inputs['x']!, filter: inputs['filter']! }, attributes), inputs, attributes);
  const product = (inputs: Inputs, attributes: KernelAttributes) => {
    const { transposeA, transposeB } = attributes as Record<string, boolean>;
    return finish(tf.matMul(inputs['a']!, inputs['b']!, transposeA, transposeB), inputs, attributes);
  };
  const optional = ['bias', 'preluActivationWeights'];
  registerKernelVjp('FusedConv2D', composedVjp(['x', 'filter', ...optional], convolution('Conv2D')));
  registerKernelVjp(
    'FusedDepthwiseConv2D',
    composedVjp(['x', 'filter', ...optional], convolution('DepthwiseConv2dNative')),
  );
  registerKernelVjp('_FusedMatMul', composedVjp(['a', 'b', ...optional], product));
}

function finish(product: Tensor, { bias, preluActivationWeights }: Inputs, attributes: KernelAttributes): Tensor {
  const x = bias === undefined ? product : tf.add(product, bias);
  switch (attributes['activation']) {
    case 'relu':
      return tf.relu(x);
    case 'relu6':
      return tf.relu6(x);
    case 'elu':
      return tf.elu(x);
    case 'sigmoid':
      return tf.sigmoid(x);
    case 'leakyrelu':
      return tf.leakyRelu(x, attributes['leakyreluAlpha'] as number | undefined);
    case 'prelu':
      return tf.prelu(x, preluActivationWeights!);
    default:
      return x;
  }
}
