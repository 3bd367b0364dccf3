// ECMAScript leaves the last bit of Math.log, Math.sin and Math.cos to the engine. These use only operations that
// IEEE 754 rounds exactly, so that a seed gives the same bits on every machine and every Node version.

// Taken out of the global object once: see philox.ts.
const { clz32, floor, SQRT2 } = Math;

const LN2 = 0.6931471805599453;
const HALF_PI = 1.5707963267948966;
const TWO_TO_32 = 4294967296;

/** Natural logarithm of `word / 2^32` for an integer `word` in [1, 2^32]. */
export function logOfFraction(word: number): number {
  const exponent = word === TWO_TO_32 ? 32 : 31 - clz32(word);
  let mantissa = word / 2 ** exponent;
  let power = exponent - 32;
  if (mantissa > SQRT2) {
    mantissa /= 2;
    power += 1;
  }
  const s = (mantissa - 1) / (mantissa + 1);
  const z = s * s;
  let series = 1 / 23;
  for (let denominator = 21; denominator >= 1; denominator -= 2) series = series * z + 1 / denominator;
  return power * LN2 + 2 * s * series;
}

/** Sine and cosine of an angle given in turns (1 turn = 2 pi), written into `out[0]` and `out[1]`. */
export function sineCosineOfTurns(turns: number, out: Float64Array): void {
  const quarters = turns * 4;
  const nearest = floor(quarters + 0.5);
  const angle = (quarters - nearest) * HALF_PI;
  const z = angle * angle;
  let sine = 1;
  for (let n = 18; n >= 2; n -= 2) sine = 1 - (sine * z) / (n * (n + 1));
  sine *= angle;
  let cosine = 1;
  for (let n = 17; n >= 1; n -= 2) cosine = 1 - (cosine * z) / (n * (n + 1));
  const quadrant = ((nearest % 4) + 4) % 4;
  out[0] = quadrant === 0 ? sine : quadrant === 1 ? cosine : quadrant === 2 ? -sine : -cosine;
  out[1] = quadrant === 0 ? cosine : quadrant === 1 ? -sine : quadrant === 2 ? -cosine : sine;
}
