import { attribute, typeAttribute } from '../attribute.js';
import { tf, type DataType, type TensorInfo } from '../tfjs.js';
import { nodeKernel } from './node-kernel.js';

/** ConcatV2 refuses scalars, which tfjs joins to a vector. */
export const concat = nodeKernel<{ axis: number }>(tf.Concat, ({ backend, inputs, attributes }) => {
  const tensors = Object.values(inputs).map((tensor): TensorInfo =>
    tensor.shape.length === 0 ? { ...tensor, dataId: tensor.dataId, shape: [1] } : tensor,
  );
  const axis = tf.scalar(attributes.axis, 'int32');
  try {
    return backend.executeSingleOutput(
      'ConcatV2',
      [
        attribute.int('N', tensors.length),
        attribute.type('Tidx', 'int32'),
        typeAttribute('T', tensors[0]?.dtype as DataType),
      ],
      [...tensors, axis],
    );
  } finally {
    axis.dispose();
  }
});
