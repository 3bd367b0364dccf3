import type { Tensor } from 'adjoint';
import { greatestLevel } from './quantized-dense.js';

interface Quantized {
  readonly values: Int8Array;
  readonly scale: number;
}

function quantize(values: Float32Array, bits: number): Quantized {
  const greatest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-8);
  const scale = greatest / greatestLevel(bits);
  return { values: Int8Array.from(values, (value) => Math.round(value / scale)), scale };
}

/** `x . kernel + bias`, summed in whole numbers: int8 times int8 into int32, and one multiplication for each result. */
function denseInIntegers(x: Float32Array, kernel: Tensor, bias: Tensor, bits: number): Float32Array {
  const [inputs, units] = kernel.shape as [number, number];
  const [left, right] = [quantize(x, 8), quantize(kernel.dataSync() as Float32Array, bits)];
  const offsets = bias.dataSync();
  const rows = x.length / inputs;
  const result = new Float32Array(rows * units);
  for (let row = 0; row < rows; row++) {
    const sums = new Int32Array(units);
    for (let input = 0; input < inputs; input++) {
      const value = left.values[row * inputs + input]!;
      if (value === 0) continue;
      for (let unit = 0; unit < units; unit++) sums[unit]! += value * right.values[input * units + unit]!;
    }
    for (let unit = 0; unit < units; unit++) {
      result[row * units + unit] = sums[unit]! * left.scale * right.scale + offsets[unit]!;
    }
  }
  return result;
}

/** The digits that the network reads, computed with whole numbers as a small device would. */
export function readInIntegers(images: Float32Array, weights: readonly Tensor[], bits: number): number[] {
  const [kernel1, bias1, kernel2, bias2] = weights as [Tensor, Tensor, Tensor, Tensor];
  const hidden = denseInIntegers(images, kernel1, bias1, bits).map((sum) => Math.max(sum, 0));
  const logits = denseInIntegers(hidden, kernel2, bias2, bits);
  const classes = bias2.size;
  return Array.from({ length: logits.length / classes }, (_, row) => {
    const scores = logits.subarray(row * classes, (row + 1) * classes);
    return scores.indexOf(Math.max(...scores));
  });
}
