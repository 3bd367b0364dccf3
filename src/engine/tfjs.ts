/**
 * The one import of TensorFlow.js. Every other file takes `tf` and its types from here, so that a second copy of
 * tfjs-core cannot slip in and the version is pinned in one place.
 *
 * @see https://js.tensorflow.org/api/4.22.0/
 */
import * as tf from '@tensorflow/tfjs';

export { tf };
export type { DataType, Rank, Scalar, Tensor, TensorInfo, TensorLike, TypedArray } from '@tensorflow/tfjs';
