import { attribute, typeAttribute } from '../attribute.js';
import { tf, type Tensor } from '../tfjs.js';
import { nodeKernel } from './node-kernel.js';

/** tfjs-node's kernel reads the indices on the host at every call, which is slow and cannot be recorded. */
export const gatherV2 = nodeKernel<{ axis: number; batchDims: number }>(
  tf.GatherV2,
  ({ backend, inputs, attributes }) => {
    const x = inputs['x']!;
    const indices = inputs['indices']!;
    const { axis, batchDims } = attributes;
    tf.backend_util.segment_util.collectGatherOpShapeInfo(x as Tensor, indices as Tensor, axis, batchDims);
    const axisTensor = tf.scalar(axis, 'int32');
    try {
      return backend.executeSingleOutput(
        'GatherV2',
        [
          attribute.int('batch_dims', batchDims),
          typeAttribute('Tparams', x.dtype),
          typeAttribute('Tindices', indices.dtype),
          attribute.type('Taxis', 'int32'),
        ],
        [x, indices, axisTensor],
      );
    } finally {
      axisTensor.dispose();
    }
  },
);
