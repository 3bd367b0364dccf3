/** The middle value; of an even number of values the mean of the two in the middle, NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  if (sorted.length === 0) return NaN;
  return Number.isInteger(half) ? (sorted[half - 1]! + sorted[half]!) / 2 : sorted[Math.floor(half)]!;
}

/** Spearman's rank correlation of values with their positions, -1 to 1; NaN for fewer than two. */
export function trend(values: readonly number[]): number {
  const count = values.length;
  const order = values.map((_, i) => i).toSorted((a, b) => values[a]! - values[b]!);
  const squares = order.reduce((sum, position, rank) => sum + (position - rank) ** 2, 0);
  return count < 2 ? NaN : 1 - (6 * squares) / (count * (count ** 2 - 1));
}

/** Three digits, with an exponent where they would be far from the point. */
export function formatNumber(value: number): string {
  const size = Math.abs(value);
  if (!Number.isFinite(value) || value === 0) return String(value);
  return size < 1e-3 || size >= 1e4 ? value.toExponential(2) : String(Number(value.toPrecision(3)));
}

/** `12 %`, `0.4 %`. */
export function formatPercent(part: number): string {
  const percent = part * 100;
  return `${percent === 0 || percent >= 10 ? Math.round(percent) : Number(percent.toPrecision(1))} %`;
}
