/**
 * How much of the labels the inputs tell, by kernel ridge regression with the left-out residual of each example in closed
 * form: no training, no split, and the same factorisation for labels that are shifted.
 *
 * @see Hastie, Tibshirani, Friedman, "The elements of statistical learning" (2009), section 7.10
 */

/** Of the diagonal of the kernel, which is 2: for labels without noise, with some, and with little else. */
const RIDGES = [0.2, 4, 40];

/** Smooths examples for whatever labels they have. */
export class Learnability {
  /** Inverses of the kernel with each of the ridges, row by row. */
  private readonly inverses: readonly Float64Array[];

  /** @param inputs - one row an example, all of one width */
  constructor(private readonly inputs: readonly ArrayLike<number>[]) {
    const kernel = kernelOf(standardised(inputs));
    const n = inputs.length;
    this.inverses = RIDGES.map((ridge) =>
      inverted(
        kernel.map((value, i) => (i % (n + 1) === 0 ? value + ridge : value)),
        n,
      ),
    );
  }

  /**
   * The part of the labels' variance that is foretold from the inputs of other examples: 1 all, 0 or less nothing.
   *
   * @param targets - one row an example
   */
  score(targets: readonly ArrayLike<number>[]): number {
    return Math.max(...this.inverses.map((inverse) => this.scoreOf(targets, inverse)));
  }

  private scoreOf(targets: readonly ArrayLike<number>[], inverse: Float64Array): number {
    const n = this.inputs.length;
    const width = targets[0]?.length ?? 0;
    let [left, total] = [0, 0];
    for (let column = 0; column < width; column++) {
      const mean = targets.reduce((sum, row) => sum + row[column]!, 0) / n;
      for (let i = 0; i < n; i++) {
        let weighted = 0;
        for (let j = 0; j < n; j++) weighted += inverse[i * n + j]! * (targets[j]![column]! - mean);
        const residual = weighted / inverse[i * n + i]!;
        left += residual * residual;
        total += (targets[i]![column]! - mean) ** 2;
      }
    }
    return total === 0 ? 0 : 1 - left / total;
  }
}

/** Columns of mean 0 and variance 1; a column that is constant is all zeros. */
function standardised(inputs: readonly ArrayLike<number>[]): Float64Array[] {
  const [n, width] = [inputs.length, inputs[0]?.length ?? 0];
  const result = inputs.map(() => new Float64Array(width));
  for (let column = 0; column < width; column++) {
    let [mean, square] = [0, 0];
    for (const row of inputs) mean += row[column]! / n;
    for (const row of inputs) square += (row[column]! - mean) ** 2 / n;
    const scale = square > 0 ? 1 / Math.sqrt(square) : 0;
    inputs.forEach((row, i) => (result[i]![column] = (row[column]! - mean) * scale));
  }
  return result;
}

/** A linear kernel for what lies in many columns, and a Gaussian one for what is bent. */
function kernelOf(rows: readonly Float64Array[]): Float64Array {
  const n = rows.length;
  const width = Math.max(1, rows[0]?.length ?? 1);
  const products = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let k = 0; k < width; k++) sum += rows[i]![k]! * rows[j]![k]!;
      products[i * n + j] = products[j * n + i] = sum / width;
    }
  }
  const distance = (i: number, j: number) => products[i * n + i]! + products[j * n + j]! - 2 * products[i * n + j]!;
  const distances: number[] = [];
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j += 1 + (n >> 6)) distances.push(distance(i, j));
  distances.sort((a, b) => a - b);
  // Half of the median: near neighbours count.
  const width2 = Math.max(1e-12, 0.5 * (distances[distances.length >> 1] ?? 1));
  const kernel = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      kernel[i * n + j] = products[i * n + j]! + Math.exp(-distance(i, j) / width2);
    }
  }
  return kernel;
}

/** Inverse of a symmetric positive matrix, by Cholesky. */
function inverted(matrix: Float64Array, n: number): Float64Array {
  const lower = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * n + j]!;
      for (let k = 0; k < j; k++) sum -= lower[i * n + k]! * lower[j * n + k]!;
      lower[i * n + j] = i === j ? Math.sqrt(Math.max(sum, 1e-12)) : sum / lower[j * n + j]!;
    }
  }
  // The inverse of the lower factor, then its product with its own transpose.
  const half = new Float64Array(n * n);
  for (let column = 0; column < n; column++) {
    for (let i = column; i < n; i++) {
      let sum = i === column ? 1 : 0;
      for (let k = column; k < i; k++) sum -= lower[i * n + k]! * half[column * n + k]!;
      half[column * n + i] = sum / lower[i * n + i]!;
    }
  }
  const inverse = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let k = i; k < n; k++) sum += half[i * n + k]! * half[j * n + k]!;
      inverse[i * n + j] = inverse[j * n + i] = sum;
    }
  }
  return inverse;
}
