/** Widens IEEE 754 binary16 values. */
export function fromFloat16(bits: Uint16Array): Float64Array {
  return Float64Array.from(bits, (word) => {
    const sign = word & 0x8000 ? -1 : 1;
    const exponent = (word >> 10) & 0x1f;
    const fraction = word & 0x3ff;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
}

/** Widens bfloat16 values: the upper half of a float32's bits. */
export function fromBfloat16(bits: Uint16Array): Float64Array {
  const words = Uint32Array.from(bits, (word) => (word << 16) >>> 0);
  return Float64Array.from(new Float32Array(words.buffer));
}
