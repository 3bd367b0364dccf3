/** How many inputs an output of a weight sums over, and how many outputs an input reaches. */
export interface Fans {
  readonly fanIn: number;
  readonly fanOut: number;
}

/** Fans of a weight's shape as Keras counts them; what stands before the last two dimensions is the receptive field. */
export function computeFans(shape: readonly number[]): Fans {
  if (shape.length < 2) return { fanIn: shape[0] ?? 1, fanOut: shape[0] ?? 1 };
  const receptiveField = shape.slice(0, -2).reduce((product, dimension) => product * dimension, 1);
  return { fanIn: shape.at(-2)! * receptiveField, fanOut: shape.at(-1)! * receptiveField };
}
