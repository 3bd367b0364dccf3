import type { TensorFlowBackend } from '../tensorflow-backend.js';
import type { TensorInfo } from '../tfjs.js';

/** A second tensor over the data of `x`. */
export function sameData(backend: TensorFlowBackend, x: TensorInfo, shape: number[]): TensorInfo {
  backend.incRef(x.dataId);
  return { dataId: x.dataId, shape, dtype: x.dtype };
}
