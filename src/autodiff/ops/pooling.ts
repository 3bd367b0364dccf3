import { attribute, executeOp } from '../../engine/execute-op.js';
import { tf, type Tensor } from '../../engine/tfjs.js';
import { registerNativeKernel, runKernel } from '../native-kernel.js';
import { registerKernelVjp } from '../register-kernel-vjp.js';
import type { KernelAttributes } from '../tape.js';
import { composePooling3d } from './pooling-3d-in-float64.js';

/** Second order of max and average pooling, 2-D and 3-D: each gradient kernel is linear in the cotangent. */
export function installPooling(): void {
  registerNativeKernel('MaxPoolGradGrad', (inputs, attributes) => {
    const info = tf.backend_util.computePool2DInfo(
      inputs['input']!.shape as [number, number, number, number],
      attributes['filterSize'] as number,
      attributes['strides'] as number,
      1,
      attributes['pad'] as 'same',
      attributes['dimRoundingMode'] as 'floor',
    );
    const window = [1, info.filterHeight, info.filterWidth, 1];
    const strides = [1, info.strideHeight, info.strideWidth, 1];
    return gradientOfGradient('MaxPoolGradGrad', inputs, window, strides, info.padInfo.type, 'NHWC');
  });
  registerNativeKernel('MaxPool3DGradGrad', (inputs, attributes) => {
    const info = tf.backend_util.computePool3DInfo(
      inputs['input']!.shape as [number, number, number, number, number],
      attributes['filterSize'] as number,
      attributes['strides'] as number,
      1,
      attributes['pad'] as 'same',
      attributes['dimRoundingMode'] as 'floor',
    );
    const window = [1, info.filterDepth, info.filterHeight, info.filterWidth, 1];
    const strides = [1, info.strideDepth, info.strideHeight, info.strideWidth, 1];
    return gradientOfGradient('MaxPool3DGradGrad', inputs, window, strides, info.padInfo.type, 'NDHWC');
  });
  installMaximum('MaxPoolGrad', 'MaxPoolGradGrad');
  installMaximum('MaxPool3DGrad', 'MaxPool3DGradGrad');
  installAverage('AvgPoolGrad', 'AvgPool');
  installAverage('AvgPool3DGrad', 'AvgPool3D');
  composePooling3d();
}

function gradientOfGradient(
  op: string,
  { input, output, cotangent }: Record<string, Tensor>,
  window: readonly number[],
  strides: readonly number[],
  padding: string,
  dataFormat: string,
): Tensor {
  const attributes = [
    attribute.type('T', 'float32'),
    attribute.int('ksize', window),
    attribute.int('strides', strides),
    attribute.string('padding', padding),
    attribute.string('data_format', dataFormat),
  ];
  return executeOp(op, attributes, [input!, output!, cotangent!])[0]!;
}

/** One kernel puts the cotangent where each window's maximum lies, the other takes it from there. */
function installMaximum(put: string, take: string): void {
  const rule = (kernel: string, cotangentName: string, adjoint: string, adjointName: string): void => {
    registerKernelVjp(kernel, {
      keepInputs: ['input', 'output'],
      backward: (cotangent, kept, attributes) => {
        const [input, output] = [kept.input('input'), kept.input('output')];
        return {
          [cotangentName]: () => runKernel(adjoint, { [adjointName]: cotangent, input, output }, attributes),
          input: () => tf.zerosLike(input),
          output: () => tf.zerosLike(output),
        };
      },
    });
  };
  rule(put, 'dy', take, 'cotangent');
  rule(take, 'cotangent', put, 'dy');
}

function installAverage(gradient: string, forward: string): void {
  registerKernelVjp(gradient, {
    keepInputs: ['input'],
    backward: (cotangent, kept, attributes) => ({
      dy: () => runKernel(forward, { x: cotangent }, withDataFormat(attributes)),
      input: () => tf.zerosLike(kept.input('input')),
    }),
  });
}

/** The 3-D kernel needs what its gradient's attributes leave out. */
function withDataFormat(attributes: KernelAttributes): KernelAttributes {
  return { dataFormat: 'NDHWC', ...attributes };
}
