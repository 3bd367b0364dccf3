import { attribute, typeAttribute } from '../attribute.js';
import { tf } from '../tfjs.js';
import { nodeKernel } from './node-kernel.js';

/** tfjs-node leaves this kernel out, though TensorFlow has the op. */
export const denseBincount = nodeKernel<{ size: number; binaryOutput: boolean }>(
  tf.DenseBincount,
  ({ backend, inputs, attributes }) => {
    const x = inputs['x']!;
    const weights = inputs['weights']!;
    const size = tf.scalar(attributes.size, 'int32');
    try {
      return backend.executeSingleOutput(
        'DenseBincount',
        [
          attribute.type('Tidx', 'int32'),
          typeAttribute('T', weights.dtype),
          attribute.bool('binary_output', attributes.binaryOutput),
        ],
        [x, size, weights],
      );
    } finally {
      size.dispose();
    }
  },
);
