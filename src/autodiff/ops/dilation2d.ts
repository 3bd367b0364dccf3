import { attribute, executeOp } from '../../engine/execute-op.js';
import { tf, type Tensor } from '../../engine/tfjs.js';
import { registerNativeKernel, runKernel } from '../native-kernel.js';
import { registerKernelVjp } from '../register-kernel-vjp.js';
import type { KernelAttributes } from '../tape.js';

/** Below every pixel that can win a maximum, as TensorFlow's own padding is. */
const LOWEST = -3.4e38;

/**
 * Second order of grey-scale dilation. Its gradient kernels put the cotangent where the maximum of each window lies; the
 * gradient of that takes values from there, for which TensorFlow has no kernel.
 */
export function installDilation2d(): void {
  registerNativeKernel('Dilation2DTakeInput', ({ x, filter, values }, attributes) =>
    tf.tidy(() => {
      const windows = patches(values!, filter!, attributes, 0);
      return tf.sum(tf.mul(windows, choice(x!, filter!, attributes)), 3);
    }),
  );
  registerNativeKernel('Dilation2DTakeFilter', ({ x, filter, values }, attributes) =>
    tf.tidy(() => tf.sum(tf.mul(byTap(values!), choice(x!, filter!, attributes)), 3)),
  );
  installPair('Dilation2DBackpropInput', 'Dilation2DTakeInput');
  installPair('Dilation2DBackpropFilter', 'Dilation2DTakeFilter');
}

function installPair(put: string, take: string): void {
  const rule = (kernel: string, cotangentName: string, adjoint: string, adjointName: string): void => {
    registerKernelVjp(kernel, {
      keepInputs: ['x', 'filter'],
      backward: (cotangent, kept, attributes) => {
        const [x, filter] = [kept.input('x'), kept.input('filter')];
        return {
          [cotangentName]: () => runKernel(adjoint, { x, filter, [adjointName]: cotangent }, attributes),
          x: () => tf.zerosLike(x),
          filter: () => tf.zerosLike(filter),
        };
      },
    });
  };
  rule(put, 'dy', take, 'values');
  rule(take, 'values', put, 'dy');
}

/** One where a window has its maximum, else zero: `[batch, height, width, taps, channels]`. */
function choice(x: Tensor, filter: Tensor, attributes: KernelAttributes): Tensor {
  const sums = tf.add(patches(x, filter, attributes, LOWEST), byTap(filter));
  const winners = tf.oneHot(tf.argMax(sums, 3), sums.shape[3]!, 1, 0, 'float32');
  return tf.transpose(winners, [0, 1, 2, 4, 3]);
}

const byTap = (filter: Tensor): Tensor => tf.reshape(filter, [-1, filter.shape[2]!]);

/** What each window sees: `[batch, height, width, taps, channels]`. */
function patches(x: Tensor, filter: Tensor, attributes: KernelAttributes, border: number): Tensor {
  const info = tf.backend_util.computeDilation2DInfo(
    x.shape as [number, number, number, number],
    filter.shape as [number, number, number],
    attributes['strides'] as number,
    attributes['pad'] as 'same',
    'NHWC',
    attributes['dilations'] as number,
  );
  const { top, bottom, left, right } = info.padInfo;
  const pads: [number, number][] = [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ];
  const list = [
    attribute.type('T', 'float32'),
    attribute.int('ksizes', [1, info.filterHeight, info.filterWidth, 1]),
    attribute.int('strides', [1, info.strideHeight, info.strideWidth, 1]),
    attribute.int('rates', [1, info.dilationHeight, info.dilationWidth, 1]),
    attribute.string('padding', 'VALID'),
  ];
  const flat = executeOp('ExtractImagePatches', list, [tf.pad(x, pads, border)])[0]!;
  return tf.reshape(flat, [...flat.shape.slice(0, 3), -1, x.shape[3]!]);
}
