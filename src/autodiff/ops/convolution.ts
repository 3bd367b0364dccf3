import { tf, type Tensor } from '../../engine/tfjs.js';
import { gradientsOf } from '../composed-vjp.js';
import { runKernel } from '../native-kernel.js';
import { registerKernelVjp } from '../register-kernel-vjp.js';
import type { KernelAttributes } from '../tape.js';

/** A convolution and its two gradients, each linear in both of its inputs: the gradient of any one is the other two. */
interface Family {
  readonly forward: string;
  readonly byInput: string;
  readonly byFilter: string;
  readonly defaults: KernelAttributes;
}

const CONV2D: Family = {
  forward: 'Conv2D',
  byInput: 'Conv2DBackpropInput',
  byFilter: 'Conv2DBackpropFilter',
  defaults: { dataFormat: 'NHWC', dilations: [1, 1] },
};
const DEPTHWISE: Family = {
  forward: 'DepthwiseConv2dNative',
  byInput: 'DepthwiseConv2dNativeBackpropInput',
  byFilter: 'DepthwiseConv2dNativeBackpropFilter',
  defaults: { dataFormat: 'NHWC', dilations: [1, 1] },
};
const CONV3D: Family = {
  forward: 'Conv3D',
  byInput: 'Conv3DBackpropInputV2',
  byFilter: 'Conv3DBackpropFilterV2',
  defaults: { dataFormat: 'NDHWC', dilations: [1, 1, 1] },
};

export function installConvolution(): void {
  for (const family of [CONV2D, DEPTHWISE, CONV3D]) installBackprops(family);
  for (const family of [CONV2D, DEPTHWISE]) installForward(family);
}

function installBackprops({ forward, byInput, byFilter, defaults }: Family): void {
  registerKernelVjp(byFilter, {
    keepInputs: ['x', 'dy'],
    backward: (cotangent, kept, attributes) => {
      const [x, dy] = [kept.input('x'), kept.input('dy')];
      const geometry = geometryOf(attributes, defaults);
      return {
        x: () => runKernel(byInput, { dy, filter: cotangent }, { ...geometry, inputShape: x.shape }),
        dy: () => runKernel(forward, { x, filter: cotangent }, geometry),
      };
    },
  });
  registerKernelVjp(
    byInput,
    {
      keepInputs: ['dy', 'filter'],
      backward: (cotangent, kept, attributes) => {
        const [dy, filter] = [kept.input('dy'), kept.input('filter')];
        const geometry = geometryOf(attributes, defaults);
        return {
          dy: () => runKernel(forward, { x: cotangent, filter }, geometry),
          filter: () => runKernel(byFilter, { x: cotangent, dy }, { ...geometry, filterShape: filter.shape }),
        };
      },
    },
    { replace: true },
  );
}

/** tfjs's rule refuses dilations, and its gradient kernels refuse paddings given as numbers. */
function installForward({ forward, byInput, byFilter, defaults }: Family): void {
  registerKernelVjp(
    forward,
    {
      keepInputs: ['x', 'filter'],
      backward: (cotangent, kept, attributes) => {
        const [x, filter] = [kept.input('x'), kept.input('filter')];
        const geometry = geometryOf(attributes, defaults);
        if (!isPlain(geometry)) {
          const composed = (inputs: Record<string, Tensor>) => padAndDilate(forward, inputs, geometry);
          return gradientsOf(composed, { x, filter }, attributes, cotangent);
        }
        return {
          x: () => runKernel(byInput, { dy: cotangent, filter }, { ...geometry, inputShape: x.shape }),
          filter: () => runKernel(byFilter, { x, dy: cotangent }, { ...geometry, filterShape: filter.shape }),
        };
      },
    },
    { replace: true },
  );
}

function geometryOf(attributes: KernelAttributes, defaults: KernelAttributes): KernelAttributes {
  const { strides, pad, dimRoundingMode } = attributes;
  const dataFormat = attributes['dataFormat'] ?? defaults['dataFormat'];
  const dilations = attributes['dilations'] ?? defaults['dilations'];
  return { strides, pad, dataFormat, dilations, dimRoundingMode };
}

function isPlain({ pad, dilations }: KernelAttributes): boolean {
  return typeof pad === 'string' && [dilations].flat().every((rate) => rate === 1);
}

/**
 * The same convolution without dilation and with nothing padded by the kernel: zeros are laid around the image, and the
 * pixels of one phase become images of their own.
 */
function padAndDilate(kernel: string, { x, filter }: Record<string, Tensor>, geometry: KernelAttributes): Tensor {
  const { strides, pad, dilations, dimRoundingMode } = geometry;
  const info = tf.backend_util.computeConv2DInfo(
    x!.shape as [number, number, number, number],
    filter!.shape as [number, number, number, number],
    strides as number,
    dilations as number,
    pad as 'same',
    dimRoundingMode as 'floor',
    kernel === DEPTHWISE.forward,
  );
  const { top, bottom, left, right } = info.padInfo;
  const padded = tf.pad(x!, [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ]);
  const plain = (image: Tensor): Tensor =>
    runKernel(kernel, { x: image, filter: filter! }, { ...geometry, pad: 'valid', dilations: [1, 1] });
  const rates = [info.dilationHeight, info.dilationWidth];
  if (rates.every((rate) => rate === 1)) return plain(padded);
  const fill = rates.map((rate, axis) => [0, (rate - (padded.shape[axis + 1]! % rate)) % rate]);
  return tf.batchToSpaceND(plain(tf.spaceToBatchND(padded, rates, fill)), rates, fill);
}
