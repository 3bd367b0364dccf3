import { attribute, executeOp } from '../../engine/execute-op.js';
import { tf, type Tensor } from '../../engine/tfjs.js';
import { composeInFloat64 } from '../composed-double.js';
import { replaceNativeKernel, runKernel } from '../native-kernel.js';
import { registerKernelVjp } from '../register-kernel-vjp.js';
import type { KernelAttributes } from '../tape.js';

/** Resizing is linear: its gradient kernel's gradient is the resizing itself. */
export function installResize(): void {
  // tfjs-node's own leave out `half_pixel_centers`, and so give the gradient of another resizing.
  replaceNativeKernel('ResizeBilinearGrad', ({ dy, images }, attributes) => {
    return executeOp('ResizeBilinearGrad', nativeAttributes(attributes), [dy!, images!])[0]!;
  });
  replaceNativeKernel('ResizeNearestNeighborGrad', ({ dy, images }, attributes) => {
    const size = tf.tensor1d(images!.shape.slice(1, 3), 'int32');
    const [gradient] = executeOp('ResizeNearestNeighborGrad', nativeAttributes(attributes), [dy!, size]);
    size.dispose();
    return gradient!;
  });
  for (const forward of ['ResizeBilinear', 'ResizeNearestNeighbor']) {
    registerKernelVjp(`${forward}Grad`, {
      keepInputs: ['dy', 'images'],
      backward: (cotangent, kept, { alignCorners, halfPixelCenters }) => {
        const size = kept.input('dy').shape.slice(1, 3);
        const resizing = { alignCorners, halfPixelCenters: halfPixelCenters ?? false, size };
        return {
          dy: () => runKernel(forward, { images: cotangent }, resizing),
          images: () => tf.zerosLike(kept.input('images')),
        };
      },
    });
  }
  composeInFloat64('ResizeBilinear', ({ images }, attributes) => {
    const [height, width] = attributes['size'] as [number, number];
    const rows = interpolation(images!.shape[1]!, height, attributes);
    const columns = interpolation(images!.shape[2]!, width, attributes);
    return alongAxis(alongAxis(images!, 1, rows), 2, columns);
  });
  composeInFloat64('ResizeBilinearGrad', ({ dy, images }, attributes) => {
    const rows = interpolation(images!.shape[1]!, dy!.shape[1]!, attributes);
    const columns = interpolation(images!.shape[2]!, dy!.shape[2]!, attributes);
    return alongAxis(alongAxis(dy!, 1, tf.transpose(rows)), 2, tf.transpose(columns));
  });
}

const nativeAttributes = ({ alignCorners, halfPixelCenters }: KernelAttributes) => [
  attribute.type('T', 'float32'),
  attribute.bool('align_corners', alignCorners === true),
  attribute.bool('half_pixel_centers', halfPixelCenters === true),
];

/** Weights `[to, from]` of linear interpolation, computed on the device: tfjs would round them on their way there. */
function interpolation(from: number, to: number, { alignCorners, halfPixelCenters }: KernelAttributes): Tensor {
  const [numerator, denominator] = alignCorners === true && to > 1 ? [from - 1, to - 1] : [from, to];
  const shift = halfPixelCenters === true ? 0.5 : 0;
  const scaled = tf.div(tf.mul(tf.add(tf.range(0, to), shift), numerator), denominator);
  const source = tf.minimum(tf.maximum(tf.sub(scaled, shift), 0), from - 1);
  const distance = tf.abs(tf.sub(tf.expandDims(source, 1), tf.expandDims(tf.range(0, from), 0)));
  return tf.relu(tf.sub(1, distance));
}

function alongAxis(x: Tensor, axis: number, matrix: Tensor): Tensor {
  const order = x.shape.map((_, i) => i);
  [order[0], order[axis]] = [axis, 0];
  const front = tf.transpose(x, order);
  const product = tf.matMul(matrix as tf.Tensor2D, tf.reshape(front, [front.shape[0]!, -1]) as tf.Tensor2D);
  // Swapping two axes undoes itself.
  return tf.transpose(tf.reshape(product, [matrix.shape[0]!, ...front.shape.slice(1)]), order);
}
