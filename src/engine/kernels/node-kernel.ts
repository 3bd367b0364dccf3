import type { TensorFlowBackend } from '../tensorflow-backend.js';
import type { tf, TensorInfo } from '../tfjs.js';

/** What a kernel of the TensorFlow backend is called with. */
export interface KernelCall<Attributes> {
  readonly backend: TensorFlowBackend;
  readonly inputs: Readonly<Record<string, TensorInfo>>;
  readonly attributes: Attributes;
}

/** A kernel for the TensorFlow backend, with its call typed. */
export function nodeKernel<Attributes>(
  kernelName: string,
  run: (call: KernelCall<Attributes>) => TensorInfo | TensorInfo[],
): tf.KernelConfig {
  return {
    kernelName,
    backendName: 'tensorflow',
    kernelFunc: ({ inputs, backend, attrs }) =>
      run({
        backend: backend as TensorFlowBackend,
        inputs: inputs as Readonly<Record<string, TensorInfo>>,
        attributes: attrs as Attributes,
      }),
  };
}
