let assumed: number | undefined;

/** Runs `fn`, in which what depends on the size of the batch is settled as for batches of this size. */
export function assumingBatch<T>(size: number, fn: () => T): T {
  const outer = assumed;
  assumed = size;
  try {
    return fn();
  } finally {
    assumed = outer;
  }
}

/** The size that a batch is to be taken for. */
export function assumedBatch(actual: number): number {
  return assumed ?? actual;
}
