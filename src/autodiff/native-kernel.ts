import { tf, type Tensor } from '../engine/tfjs.js';
import type { KernelAttributes } from './tape.js';

type Inputs = Record<string, Tensor>;

/** Gives the TensorFlow backend a kernel that tfjs has none for; a kernel that is there already is left. */
export function registerNativeKernel(
  kernelName: string,
  run: (inputs: Inputs, attributes: KernelAttributes) => Tensor | Tensor[],
): void {
  if (tf.getKernel(kernelName, 'tensorflow') !== undefined) return;
  tf.registerKernel({
    kernelName,
    backendName: 'tensorflow',
    kernelFunc: ({ inputs, attrs }) => run(inputs as unknown as Inputs, (attrs ?? {}) as KernelAttributes),
  });
}

/** Puts a kernel in the place of one of tfjs-node that is at fault. */
export function replaceNativeKernel(
  kernelName: string,
  run: (inputs: Inputs, attributes: KernelAttributes) => Tensor | Tensor[],
): void {
  if (tf.getKernel(kernelName, 'tensorflow') !== undefined) tf.unregisterKernel(kernelName, 'tensorflow');
  registerNativeKernel(kernelName, run);
}

/** Runs a kernel with one output, on the tape. */
export function runKernel(kernelName: string, inputs: Inputs, attributes: KernelAttributes = {}): Tensor {
  return tf.engine().runKernel(kernelName, inputs, attributes as tf.NamedAttrMap) as Tensor;
}

/** Runs a kernel with several outputs, on the tape. */
export function runKernels(kernelName: string, inputs: Inputs, attributes: KernelAttributes = {}): Tensor[] {
  return tf.engine().runKernel(kernelName, inputs, attributes as tf.NamedAttrMap) as Tensor[];
}
