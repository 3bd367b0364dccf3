import { attribute, typeAttribute } from './attribute.js';
import { executeOp } from './execute-op.js';
import { tf, type DataType, type Tensor } from './tfjs.js';

/**
 * Uniform numbers in [0, 1), the same for the same seed however and wherever they are drawn.
 *
 * @param seed - int32 tensor of shape [2]
 */
export function statelessUniform(shape: readonly number[], seed: Tensor, dtype: 'float32' = 'float32'): Tensor {
  return draw('StatelessRandomUniform', shape, seed, dtype);
}

/** Normal numbers of mean 0 and standard deviation 1, by seed as {@link statelessUniform}. */
export function statelessNormal(shape: readonly number[], seed: Tensor, dtype: 'float32' = 'float32'): Tensor {
  return draw('StatelessRandomNormal', shape, seed, dtype);
}

function draw(opName: string, shape: readonly number[], seed: Tensor, dtype: DataType): Tensor {
  const attributes = [typeAttribute('dtype', dtype), attribute.type('T', 'int32'), attribute.type('Tseed', 'int32')];
  const shapeTensor = tf.tensor1d([...shape], 'int32');
  try {
    return executeOp(opName, attributes, [shapeTensor, seed])[0]!;
  } finally {
    shapeTensor.dispose();
  }
}
