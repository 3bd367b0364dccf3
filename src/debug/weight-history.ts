import { sizeOf } from '../core/shape.js';
import { tf } from '../engine/tfjs.js';
import type { ProbeReading } from '../training/probe-contract.js';
import type { Trainable } from '../training/trainable.js';
import type { WeightSnapshot } from '../training/weight-snapshot.js';
import { norm } from './look-inside.js';

/** Numbers of one weight, and weights, that are read at each step: enough to know a state by. */
const MOST_NUMBERS = 4096;
const MOST_WEIGHTS = 6;
/** States whose numbers are kept, of the first ones and of the latest; of all others a mark. */
const KEPT = 16;
/** How well the length of an update as it was measured agrees with the way from the weights before; and rounding, of these. */
const NEAR = { update: 0.02, weight: 1e-6 };

/** A weight that something set back to what it had been. */
export interface Return {
  readonly path: string;
  /** The step before which it was. */
  readonly step: number;
  /** The earliest known step before which it had been the same. */
  readonly to: number;
}

interface State {
  readonly step: number;
  readonly values: Float32Array;
}

/** A few weights as they were before and after each step. */
export class WeightHistory {
  readonly returns: Return[] = [];
  /** Of each step whose end and successor were seen, the part of its update that was taken back between the two. */
  readonly takenBack: number[] = [];
  /** Measured steps after which the next one's beginning was seen. */
  measured = 0;
  private isMeasured = false;
  private step = 0;
  /** Steps of the model at the end of the latest step that was seen, and of the latest that was measured. */
  private endedAt = -1;
  private probedAt = -1;
  private readonly tracks: readonly Track[];

  /** @param initial - the weights before the first step */
  constructor(
    private readonly model: Trainable,
    initial: WeightSnapshot,
  ) {
    const trained = [...model.weightTree()].filter(([, { trainable }]) => trainable);
    const isBias = ([, { handle }]: (typeof trained)[number]): boolean => handle.shape.length < 2;
    // A bias may have nothing to learn.
    const sorted = [...spread(trained.filter((one) => !isBias(one))), ...spread(trained.filter(isBias))];
    this.tracks = sorted.slice(0, MOST_WEIGHTS).map(([path, { handle }]) => {
      const length = Math.min(MOST_NUMBERS, sizeOf(handle.shape));
      const track = new Track(path, length);
      const values = initial.get(path)?.values.slice(0, length);
      if (values !== undefined) track.begin({ step: 0, values });
      return track;
    });
  }

  /**
   * Before a step.
   *
   * @param totalSteps - of the model, so far
   */
  begin(totalSteps: number): void {
    if (this.isMeasured) this.measured++;
    this.isMeasured = false;
    const isNext = totalSteps === this.endedAt;
    let [back, whole] = [0, 0];
    let found: Return | undefined;
    for (const track of this.tracks) {
      const values = this.read(track);
      const { after, before } = track;
      // Where the step itself came to an earlier state, it is as it was after the step.
      if (after !== null && !same(after, values)) {
        const to = track.find(values);
        if (to !== undefined && found === undefined) found = { path: track.path, step: this.step, to };
      }
      if (after !== null && before !== undefined && isNext) {
        after.forEach((value, i) => {
          const update = value - before.values[i]!;
          back += update * (value - values[i]!);
          whole += update * update;
        });
      }
      track.begin({ step: this.step, values });
    }
    if (whole > 0) this.takenBack.push(back / whole);
    this.note(found);
  }

  /** After a step that was measured, before anybody else is told of it. */
  probe({ weights, totalSteps }: ProbeReading): void {
    this.isMeasured = true;
    this.probedAt = totalSteps + 1;
    let found: Return | undefined;
    for (const track of this.tracks) {
      const after = this.read(track);
      const before = track.before;
      track.after = after;
      const { updateRatio = NaN, weightNorm = NaN } = weights[track.path] ?? {};
      const length = updateRatio * weightNorm;
      if (before === undefined || !(length > 0) || found !== undefined) continue;
      // The step updated the weight, and wrote over it.
      if (same(after, before.values)) found = { path: track.path, step: this.step, to: before.step };
      if (!track.isWhole(this.model)) continue;
      const isFrom = ({ values }: State): boolean => {
        const way = norm(after.map((value, k) => value - values[k]!));
        return !(Math.abs(way - length) > NEAR.update * length + NEAR.weight * norm(after));
      };
      // Set back after all had been told that the step begins: by a callback that is told later.
      const origin = isFrom(before) ? undefined : track.kept.find(isFrom);
      if (origin !== undefined) found = { path: track.path, step: this.step, to: origin.step };
    }
    this.note(found);
  }

  /**
   * After a step.
   *
   * @param totalSteps - of the model, with this one
   */
  end(totalSteps: number): void {
    // Others may have written meanwhile; where several steps are one to them, what was measured lies further back.
    if (this.probedAt !== totalSteps) for (const track of this.tracks) track.after = this.read(track);
    this.endedAt = totalSteps;
    this.step++;
    for (const track of this.tracks) track.end(this.step);
  }

  private note(found: Return | undefined): void {
    if (found !== undefined && this.returns.at(-1)?.step !== found.step) this.returns.push(found);
  }

  private read({ path, length }: Track): Float32Array {
    const value = this.model.weightTree().get(path)!.handle.variable.read();
    const few = value.size === length ? value : tf.tidy(() => tf.slice(tf.reshape(value, [-1]), 0, length));
    const numbers = Float32Array.from(few.dataSync());
    if (few !== value) few.dispose();
    value.dispose();
    return numbers;
  }
}

/** One weight, or the first numbers of it. */
class Track {
  /** After the latest step; `null` before it has ended. */
  after: Float32Array | null = null;
  private readonly first: State[] = [];
  private latest: State[] = [];
  /** The first step before which the weight was so. */
  private readonly marks = new Map<number, number>();

  constructor(
    readonly path: string,
    readonly length: number,
  ) {}

  /** Before the latest step. */
  get before(): State | undefined {
    return this.latest.at(-1);
  }

  get kept(): readonly State[] {
    return [...this.first, ...this.latest];
  }

  begin(state: State): void {
    if (this.first.length < KEPT) this.first.push(state);
    this.latest = [...this.latest.slice(1 - KEPT), state];
    this.mark(state.values, state.step);
    this.after = null;
  }

  /** @param next - the step that should begin with what this one has left */
  end(next: number): void {
    if (this.after !== null) this.mark(this.after, next);
  }

  private mark(values: Float32Array, step: number): void {
    const mark = markOf(values);
    if (!this.marks.has(mark)) this.marks.set(mark, step);
  }

  /** The first step before which the weight was the same. */
  find(values: Float32Array): number | undefined {
    return this.marks.get(markOf(values));
  }

  isWhole(model: Trainable): boolean {
    return sizeOf(model.weightTree().get(this.path)!.handle.shape) === this.length;
  }
}

/** All of a list, those first that lie evenly over it. */
function spread<T>(list: readonly T[]): T[] {
  const count = Math.min(MOST_WEIGHTS, list.length);
  const chosen = Array.from(
    { length: count },
    (_, i) => list[Math.round((i * (list.length - 1)) / Math.max(1, count - 1))]!,
  );
  return [...new Set(chosen)];
}

function same(a: Float32Array, b: Float32Array): boolean {
  return a.every((value, i) => Object.is(value, b[i]));
}

/** 53 bits that two different arrays hardly have in common. */
function markOf(values: Float32Array): number {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  let [a, b] = [0x811c9dc5, 0x9e3779b9];
  for (const word of bits) {
    a = Math.imul(a ^ word, 0x01000193);
    a ^= a >>> 15;
    b = Math.imul(b ^ word, 0x85ebca6b);
    b ^= b >>> 13;
  }
  return (a >>> 0) * 2 ** 21 + ((b >>> 0) & (2 ** 21 - 1));
}
