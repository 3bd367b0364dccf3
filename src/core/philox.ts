// Taken out of the global object once: inside a vm context, as test runners use, each look-up of a global is slow.
const { imul } = Math;

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;

/** The high 32 bits of the 64-bit product of two unsigned 32-bit numbers, given the halves of the first. */
function highProduct(aHigh: number, aLow: number, b: number): number {
  const bHigh = b >>> 16;
  const bLow = b & 0xffff;
  const middle = (imul(aHigh, bLow) >>> 0) + (imul(aLow, bLow) >>> 16);
  const carry = (imul(aLow, bHigh) >>> 0) + (middle & 0xffff);
  return (imul(aHigh, bHigh) + (middle >>> 16) + (carry >>> 16)) | 0;
}

/**
 * Writes Philox4x32-10 blocks for the counters `[block, c1, c2, c3]`, `[block + 1, c1, c2, c3]`, ... into `out`, whose length is a
 * multiple of four.
 *
 * @see Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3" (SC 2011)
 */
export function philoxFill(
  out: Uint32Array,
  key0: number,
  key1: number,
  block: number,
  c1: number,
  c2: number,
  c3: number,
): void {
  for (let offset = 0; offset < out.length; offset += 4) {
    let x0 = block | 0;
    let x1 = c1 | 0;
    let x2 = c2 | 0;
    let x3 = c3 | 0;
    let k0 = key0 | 0;
    let k1 = key1 | 0;
    for (let round = 0; round < 10; round++) {
      const high0 = highProduct(MULTIPLIER_0 >>> 16, MULTIPLIER_0 & 0xffff, x0);
      const low0 = imul(MULTIPLIER_0, x0);
      const high1 = highProduct(MULTIPLIER_1 >>> 16, MULTIPLIER_1 & 0xffff, x2);
      const low1 = imul(MULTIPLIER_1, x2);
      x0 = high1 ^ x1 ^ k0;
      x1 = low1;
      x2 = high0 ^ x3 ^ k1;
      x3 = low0;
      k0 = (k0 + WEYL_0) | 0;
      k1 = (k1 + WEYL_1) | 0;
    }
    out[offset] = x0;
    out[offset + 1] = x1;
    out[offset + 2] = x2;
    out[offset + 3] = x3;
    block = (block + 1) >>> 0;
    if (block === 0) c1 = (c1 + 1) >>> 0;
  }
}
