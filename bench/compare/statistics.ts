/** A measured quantity over several rounds. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly rounds: number;
}

export function medianOf(values: readonly number[]): number {
  return quantileOf(values, 0.5);
}

/** Linear between neighbours. */
export function quantileOf(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const place = share * (sorted.length - 1);
  const below = sorted[Math.floor(place)];
  const above = sorted[Math.ceil(place)];
  if (below === undefined || above === undefined) throw new Error('no values were measured');
  return below + (above - below) * (place - Math.floor(place));
}

export function spreadOf(values: readonly number[]): Spread {
  return { median: medianOf(values), min: Math.min(...values), max: Math.max(...values), rounds: values.length };
}

/** Four significant digits, for files and tables. */
export function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
