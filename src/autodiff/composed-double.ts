import { isFloat64 } from '../engine/float64.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import type { KernelAttributes } from './tape.js';

type Composed = (inputs: Record<string, Tensor>, attributes: KernelAttributes) => Tensor;

/**
 * Composes a kernel of other operations inside the float64 scope, where TensorFlow has it in single precision only. The
 * rules of gradients are thereby checked in double precision, and the native kernel against this one.
 */
export function composeInFloat64(kernelName: string, composed: Composed): void {
  const native = tf.getKernel(kernelName, 'tensorflow');
  if (native === undefined) return;
  tf.unregisterKernel(kernelName, 'tensorflow');
  tf.registerKernel({
    ...native,
    kernelFunc: (call) =>
      isFloat64()
        ? tf.tidy(() =>
            composed(call.inputs as unknown as Record<string, Tensor>, (call.attrs ?? {}) as KernelAttributes),
          )
        : native.kernelFunc(call),
  });
}
