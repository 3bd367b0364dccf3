import { typeAttribute } from '../attribute.js';
import { tf } from '../tfjs.js';
import { nodeKernel } from './node-kernel.js';
import { sameData } from './same-data.js';

/** TensorFlow's Round returns zeros for int32, whose values are round already. */
export const round = nodeKernel<unknown>(tf.Round, ({ backend, inputs }) => {
  const x = inputs['x']!;
  return x.dtype === 'int32'
    ? sameData(backend, x, x.shape)
    : backend.executeSingleOutput('Round', [typeAttribute('T', x.dtype)], [x]);
});
