import { attribute, executeOp } from '../../engine/execute-op.js';
import { tf } from '../../engine/tfjs.js';
import { registerNativeKernel, runKernel } from '../native-kernel.js';
import { registerKernelVjp } from '../register-kernel-vjp.js';

const GRADIENT = 'StridedSliceGrad';

interface Slices {
  readonly begin: number[];
  readonly end: number[];
  readonly strides: number[];
  readonly beginMask: number;
  readonly endMask: number;
  readonly ellipsisMask: number;
  readonly newAxisMask: number;
  readonly shrinkAxisMask: number;
}

export function installStridedSlice(): void {
  registerNativeKernel(GRADIENT, ({ cotangent }, attributes) => {
    const { shape, ...slices } = attributes as unknown as Slices & { shape: number[] };
    return tf.tidy(() => {
      const whole = [shape, slices.begin, slices.end, slices.strides].map((values) => tf.tensor1d(values, 'int32'));
      const masks = [
        attribute.int('begin_mask', slices.beginMask),
        attribute.int('end_mask', slices.endMask),
        attribute.int('ellipsis_mask', slices.ellipsisMask),
        attribute.int('new_axis_mask', slices.newAxisMask),
        attribute.int('shrink_axis_mask', slices.shrinkAxisMask),
      ];
      const types = [attribute.type('T', cotangent!.dtype), attribute.type('Index', 'int32')];
      return executeOp(GRADIENT, [...types, ...masks], [...whole, cotangent!])[0]!;
    });
  });
  registerKernelVjp('StridedSlice', {
    keepInputs: ['x'],
    backward: (cotangent, kept, attributes) => ({
      x: () => runKernel(GRADIENT, { cotangent }, { ...attributes, shape: kept.input('x').shape }),
    }),
  });
  registerKernelVjp(GRADIENT, {
    backward: (cotangent, _, { shape: __, ...slices }) => ({
      cotangent: () => runKernel('StridedSlice', { x: cotangent }, slices),
    }),
  });
}
