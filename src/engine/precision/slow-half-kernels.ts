import type { Precision } from './precision-names.js';

/**
 * Kernels that need at least twice as long in half precision as in float32 on a CPU, the casts to and fro counted in:
 * mixed precision gives them float32 there.
 *
 * Measured on TensorFlow 2.21 by the processor's time for tensors of two million elements. bfloat16: curves take 2.5 to 4
 * times as long, as their kernels widen each number by itself, their gradients 3.5 to 6. float16: convolution gradients 10
 * to 400 times, where oneDNN has no kernel for the processor at hand and Eigen's plain one runs.
 */
export const SLOW_HALF_KERNELS_ON_CPU: Readonly<Record<Exclude<Precision, 'float32'>, ReadonlySet<string>>> = {
  mixed_bfloat16: new Set([
    'Elu',
    'EluGrad',
    'Relu6',
    'Selu',
    'SeluGrad',
    'Sigmoid',
    'SigmoidGrad',
    'Tanh',
    'TanhGrad',
  ]),
  mixed_float16: new Set([
    'AvgPool',
    'AvgPoolGrad',
    'Conv2DBackpropFilter',
    'Conv2DBackpropInput',
    'Conv3D',
    'Conv3DBackpropFilterV2',
    'Conv3DBackpropInputV2',
    'DepthwiseConv2dNative',
    'DepthwiseConv2dNativeBackpropFilter',
    'DepthwiseConv2dNativeBackpropInput',
    'Einsum',
    'Elu',
    'EluGrad',
    'FusedBatchNormGradV3',
    'LeakyRelu',
    'LeakyReluGrad',
    'Select',
    'SelectV2',
    'Selu',
    'SeluGrad',
  ]),
};
