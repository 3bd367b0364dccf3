import { tf, type Tensor } from '../engine/tfjs.js';
import type { TensorsByPath } from './gradient-transform.js';

/** A function of each tensor on its own; what it makes on the way is freed. */
export function mapTensors(tensors: TensorsByPath, change: (tensor: Tensor) => Tensor): TensorsByPath {
  return new Map([...tensors].map(([path, tensor]) => [path, tf.tidy(() => change(tensor))]));
}
