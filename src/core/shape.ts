/** Dimensions of a tensor; `null` is a dimension that is known only when data arrives, such as the batch. */
export type Shape = readonly (number | null)[];

/** `[batch, 28, 28, 1]` for a person to read: unknown dimensions as `?`. */
export function formatShape(shape: Shape): string {
  return `[${shape.map((dimension) => dimension ?? '?').join(', ')}]`;
}

/** Number of elements of a fully known shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

/** Whether a tensor of shape `actual` fits `expected`, where an unknown dimension fits any. */
export function shapeFits(actual: Shape, expected: Shape): boolean {
  return (
    actual.length === expected.length &&
    actual.every((dimension, i) => expected[i] === null || dimension === null || dimension === expected[i])
  );
}
