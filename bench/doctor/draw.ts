import { integers, rngKey, uniform, type RngKey } from 'adjoint';

/** Sizes, seeds and rates of one case: drawn by name, so that one draw more changes no other. */
export class Draw {
  private readonly root: RngKey;

  constructor(seed: number, caseName: string) {
    this.root = rngKey(seed, 'doctor-suite', caseName);
  }

  key(name: string): RngKey {
    return this.root.child(name);
  }

  /** A whole number from `low` to `high`, both included. */
  whole(name: string, low: number, high: number): number {
    return integers(this.key(name), 1, low, high + 1)[0]!;
  }

  real(name: string, low: number, high: number): number {
    return low + (high - low) * uniform(this.key(name), 1)[0]!;
  }

  /** A number whose logarithm is spread evenly. */
  scale(name: string, low: number, high: number): number {
    return Math.exp(this.real(name, Math.log(low), Math.log(high)));
  }

  pick<Choice>(name: string, choices: readonly Choice[]): Choice {
    return choices[this.whole(name, 0, choices.length - 1)]!;
  }

  /** For `compile` and whatever else wants one. */
  get seed(): number {
    return this.whole('seed', 0, 1_000_000);
  }
}
