import type { ProbeReading } from 'adjoint';

const BLOCKS = ' ▁▂▃▄▅▆▇█';
/** Powers of ten that the blocks span. */
const LOWEST = -16;
const HIGHEST = 0;

/** Gradient norms of the kernels, from the first layer to the last. */
export function kernelNorms({ weights }: ProbeReading): number[] {
  return Object.entries(weights)
    .filter(([path]) => path.endsWith('/kernel'))
    .map(([, { gradientNorm }]) => gradientNorm!);
}

/** Powers of ten from the first layer's gradient norm to the last's. */
export function ordersOfMagnitude(norms: readonly number[]): number {
  return Math.log10(norms.at(-1)!) - Math.log10(norms[0]!);
}

/** A block a layer, as high as the power of ten of its gradient norm. */
export function drawNorms(norms: readonly number[]): string {
  const blocks = norms.map((norm) => {
    const part = (Math.log10(norm) - LOWEST) / (HIGHEST - LOWEST);
    return BLOCKS[Math.round(Math.min(1, Math.max(0, part)) * (BLOCKS.length - 1))];
  });
  return blocks.join('');
}
