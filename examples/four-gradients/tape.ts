import type { Arithmetic } from './arithmetic.js';

/** A number that remembers what it was made from. */
export class TapeNumber {
  /** The derivative of the result by this number, once the backward pass has gone by. */
  adjoint = 0;

  constructor(
    readonly value: number,
    readonly parents: readonly TapeNumber[] = [],
    /** The derivative of this number by each parent. */
    readonly slopes: readonly number[] = [],
  ) {}
}

/** Writes down every operation in order, and goes back over them. */
export class Tape implements Arithmetic<TapeNumber> {
  private readonly operations: TapeNumber[] = [];

  constant(value: number): TapeNumber {
    return new TapeNumber(value);
  }

  add(a: TapeNumber, b: TapeNumber): TapeNumber {
    return this.write(new TapeNumber(a.value + b.value, [a, b], [1, 1]));
  }

  subtract(a: TapeNumber, b: TapeNumber): TapeNumber {
    return this.write(new TapeNumber(a.value - b.value, [a, b], [1, -1]));
  }

  multiply(a: TapeNumber, b: TapeNumber): TapeNumber {
    return this.write(new TapeNumber(a.value * b.value, [a, b], [b.value, a.value]));
  }

  tanh(a: TapeNumber): TapeNumber {
    const value = Math.tanh(a.value);
    return this.write(new TapeNumber(value, [a], [1 - value * value]));
  }

  /**
   * Fills in the adjoint of every number that `result` was made from. When an operation's turn comes, all that used it has
   * been passed already, so its adjoint is complete.
   */
  backward(result: TapeNumber): void {
    result.adjoint = 1;
    for (const { adjoint, parents, slopes } of this.operations.toReversed()) {
      // A number used twice gets the sum.
      parents.forEach((parent, i) => (parent.adjoint += adjoint * slopes[i]!));
    }
  }

  private write(made: TapeNumber): TapeNumber {
    this.operations.push(made);
    return made;
  }
}
