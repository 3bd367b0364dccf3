import type { Tensor } from '../engine/tfjs.js';
import { Variable } from '../engine/variable.js';
import type { AfterUpdate } from './after-update.js';
import { byName, createVariables } from './create-variables.js';

interface FollowedWeight {
  readonly variable: Variable;
  /** By the name of what follows the updates, then by slot. */
  readonly copies: Readonly<Record<string, Readonly<Record<string, Variable>>>>;
}

/** The variables of what follows an optimizer's updates; every weight that the optimizer ever trained stays followed. */
export class AfterUpdateState {
  private readonly counters: Readonly<Record<string, Readonly<Record<string, Variable>>>>;
  private readonly weights = new Map<string, FollowedWeight>();

  constructor(private readonly followers: readonly AfterUpdate[]) {
    const made: [string, Readonly<Record<string, Variable>>][] = [];
    for (const { name, counters } of followers) {
      const wanted = counters.map((counter) => ({
        name: `${name}/${counter}`,
        shape: [],
        value: 0,
        dtype: 'int32' as const,
      }));
      made.push([name, byName(counters, createVariables(wanted, name))]);
    }
    this.counters = Object.fromEntries(made);
  }

  /** Starts to follow a weight, from its value of now. */
  ensure(path: string, variable: Variable): void {
    if (this.followers.length === 0 || this.weights.has(path)) return;
    const initial = variable.read();
    try {
      const copies = this.followers.map(
        ({ name, copies: names }) =>
          [
            name,
            byName(
              names,
              names.map((slot) => Variable.create(`${name}/${path}/${slot}`, initial)),
            ),
          ] as const,
      );
      this.weights.set(path, { variable, copies: Object.fromEntries(copies) });
    } finally {
      initial.dispose();
    }
  }

  follows(path: string): boolean {
    return this.weights.has(path);
  }

  /** Runs inside the step, behind the update. */
  apply(iterations: Variable, stands: Tensor | null): void {
    if (this.followers.length === 0) return;
    const made = iterations.read();
    for (const follower of this.followers) {
      const { name } = follower;
      const weights = [...this.weights.values()].map(({ variable, copies }) => ({ variable, copies: copies[name]! }));
      follower.apply({ weights, counters: this.counters[name]!, iterations: made, stands });
    }
    made.dispose();
  }

  /** Each weight with its slot. */
  copiesOf(
    name: string,
    slot: string,
  ): { readonly path: string; readonly variable: Variable; readonly copy: Variable }[] {
    return [...this.weights].map(([path, { variable, copies }]) => ({ path, variable, copy: copies[name]![slot]! }));
  }

  /** Every variable under a name that a file can keep. */
  entries(): [name: string, variable: Variable][] {
    const named = (prefix: string, record: Readonly<Record<string, Variable>>): [string, Variable][] =>
      Object.entries(record).map(([name, variable]) => [`${prefix}/${name}`, variable]);
    return [
      ...Object.entries(this.counters).flatMap(([name, counters]) => named(name, counters)),
      ...[...this.weights]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .flatMap(([path, { copies }]) =>
          Object.entries(copies).flatMap(([name, slots]) => named(`${name}/slots/${path}`, slots)),
        ),
    ];
  }

  dispose(): void {
    for (const [, variable] of this.entries()) variable.dispose();
    this.weights.clear();
  }
}
