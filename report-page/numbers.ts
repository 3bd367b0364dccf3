/** A number as the page's data have it: what JSON cannot write is a string. */
export function toNumber(value: number | string | null): number {
  return value === null ? NaN : Number(value);
}

/** `0.0123`, `1.2e-9`. */
export function formatNumber(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  return size < 1e-3 || size >= 1e5 ? value.toExponential(1).replace('.0e', 'e') : String(Number(value.toPrecision(4)));
}

/** Left margin for row names, and how long a name may be in it. */
export function roomForNames(names: readonly string[], width: number): { marginLeft: number; most: number } {
  const longest = Math.max(4, ...names.map((name) => name.length));
  const most = Math.min(longest, Math.floor((width * 0.36) / CHARACTER));
  return { marginLeft: Math.ceil(most * CHARACTER) + 12, most };
}

/** Width of a character of the page's small print, in pixels. */
const CHARACTER = 6.6;
