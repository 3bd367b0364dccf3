import { sizeOf } from '../core/shape.js';
import type { ProbeReading } from '../training/probe-contract.js';
import type { Trainable } from '../training/trainable.js';
import { norm } from './look-inside.js';

/** Numbers of one weight, and weights, that are read at each step: enough to know a state by. */
const MOST_NUMBERS = 4096;
const MOST_WEIGHTS = 4;
/** States that are kept: so many of the first ones, and of the latest. */
const KEPT = 16;
/** How well the length of an update as it was measured agrees with the way from the weights before; and rounding, of these. */
const NEAR = { update: 0.02, weight: 1e-6 };

/** Weights that something set back to what they had been. */
export interface Return {
  /** The step before which they were. */
  readonly step: number;
  /** The earliest known step before which they had been the same. */
  readonly to: number;
}

interface State {
  readonly step: number;
  readonly values: readonly Float32Array[];
}

/** A few weights as they were before and after each step. */
export class WeightHistory {
  readonly returns: Return[] = [];
  /** Measured steps after which the next one's beginning was seen. */
  measured = 0;
  private first: State[] = [];
  private latest: State[] = [];
  private after: State['values'] | null = null;
  private isMeasured = false;
  private step = 0;
  private readonly paths: readonly string[];

  constructor(private readonly model: Trainable) {
    const small = [...model.weightTree()]
      .filter(([, { trainable, handle }]) => trainable && sizeOf(handle.shape) <= MOST_NUMBERS)
      .map(([path, { handle }]) => ({ path, isBias: handle.shape.length < 2 }));
    // A bias may have nothing to learn.
    this.paths = small
      .toSorted((a, b) => Number(a.isBias) - Number(b.isBias))
      .slice(0, MOST_WEIGHTS)
      .map(({ path }) => path);
  }

  /** Before a step. */
  begin(): void {
    if (this.paths.length === 0) return;
    const values = this.read();
    if (this.isMeasured) this.measured++;
    // Where the step itself came to an earlier state, it is as it was after the step.
    if (this.after !== null && !same(this.after, values)) this.note((state) => same(state.values, values));
    const state = { step: this.step, values };
    if (this.first.length < KEPT) this.first.push(state);
    this.latest = [...this.latest.slice(1 - KEPT), state];
    this.after = null;
    this.isMeasured = false;
  }

  /** After a step that was measured, before anybody else is told of it. */
  probe({ weights }: ProbeReading): void {
    this.after = this.paths.length === 0 ? null : this.read();
    this.isMeasured = true;
    const lengths = this.paths.map((path) => {
      const { updateRatio = NaN, weightNorm = NaN } = weights[path] ?? {};
      return updateRatio * weightNorm;
    });
    const { after } = this;
    const before = this.latest.at(-1);
    if (after === null || before === undefined || !lengths.some((length) => length > 0)) return;
    const isFrom = ({ values }: State): boolean =>
      lengths.every((length, i) => {
        const way = norm(after[i]!.map((value, k) => value - values[i]![k]!));
        return !(Math.abs(way - length) > NEAR.update * length + NEAR.weight * norm(after[i]!));
      });
    // Set back after all had been told that the step begins: by a callback that is told later.
    if (!isFrom(before)) this.note(isFrom);
  }

  /** After a step. */
  end(): void {
    this.after ??= this.paths.length === 0 ? null : this.read();
    this.step++;
  }

  private note(isIt: (state: State) => boolean): void {
    const found = this.first.find(isIt) ?? this.latest.find(isIt);
    if (found !== undefined) this.returns.push({ step: this.step, to: found.step });
  }

  private read(): State['values'] {
    const tree = this.model.weightTree();
    return this.paths.map((path) => {
      const value = tree.get(path)!.handle.variable.read();
      const numbers = Float32Array.from(value.dataSync());
      value.dispose();
      return numbers;
    });
  }
}

function same(a: State['values'], b: State['values']): boolean {
  return a.every((values, i) => values.every((value, k) => Object.is(value, b[i]![k])));
}
