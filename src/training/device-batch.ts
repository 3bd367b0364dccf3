import type { Batch } from '../data/example.js';
import type { HostArray } from '../data/host-array.js';
import { tf, type Tensor } from '../engine/tfjs.js';

/** A batch on the device; who makes it disposes it. */
export interface DeviceBatch {
  /** `[batch, ...]` */
  readonly x: Tensor;
  /** `[batch, ...]`, absent in prediction. */
  readonly y?: Tensor;
  /** `[batch]` */
  readonly sampleWeight?: Tensor;
  /** Number of examples. */
  readonly size: number;
}

/** Copies a batch to the device. */
export function toDeviceBatch(batch: Batch): DeviceBatch {
  return {
    x: toTensor(batch.x),
    y: batch.y && toTensor(batch.y),
    sampleWeight: batch.sampleWeight && toTensor(batch.sampleWeight),
    size: batch.size,
  };
}

export function disposeBatch(batch: DeviceBatch): void {
  batch.x.dispose();
  batch.y?.dispose();
  batch.sampleWeight?.dispose();
}

function toTensor(array: HostArray): Tensor {
  // Pixels are kept as bytes in host memory and become floats here.
  const pixels = array.dtype === 'float32' && array.values.BYTES_PER_ELEMENT === 1;
  return tf.tensor(pixels ? Float32Array.from(array.values) : array.values, [...array.shape], array.dtype);
}
