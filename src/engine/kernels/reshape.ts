import { tf } from '../tfjs.js';
import { nodeKernel } from './node-kernel.js';
import { sameData } from './same-data.js';

/** Shares the data, as tfjs's own backends do; tfjs-node's copy looks like a leak to tfjs inside a fused matMul. */
export const reshape = nodeKernel<{ shape: number[] }>(tf.Reshape, ({ backend, inputs, attributes }) => {
  const x = inputs['x']!;
  const size = tf.util.sizeFromShape(x.shape);
  const shape = tf.util.inferFromImplicitShape(attributes.shape, size);
  tf.util.assert(
    tf.util.sizeFromShape(shape) === size,
    () =>
      `reshape: a tensor of shape [${x.shape.join(', ')}] has not the ${tf.util.sizeFromShape(shape)} elements of [${shape.join(', ')}]`,
  );
  return sameData(backend, x, shape);
});
