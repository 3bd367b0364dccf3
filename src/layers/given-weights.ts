/** The first value of the weight at a path, of this shape; `undefined` leaves it to the weight's initializer. */
export type GivenWeights = (path: string, shape: readonly number[]) => Float32Array | undefined;

let given: GivenWeights | undefined;

/** Runs a synchronous build in which weights begin with given values: nothing is drawn for what is overwritten next. */
export function withGivenWeights<T>(weights: GivenWeights, build: () => T): T {
  const outer = given;
  given = weights;
  try {
    return build();
  } finally {
    given = outer;
  }
}

export function givenWeight(path: string, shape: readonly number[]): Float32Array | undefined {
  return given?.(path, shape);
}
