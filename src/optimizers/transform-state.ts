import { LookupError, StateError } from '../core/errors.js';
import { didYouMean } from '../core/nearest-name.js';
import type { Variable } from '../engine/variable.js';
import { byName, createVariables, sortedEntries } from './create-variables.js';
import type { GradientTransform, TransformVariable } from './gradient-transform.js';

interface TransformEntry {
  readonly transform: GradientTransform;
  readonly variables: Readonly<Record<string, Variable>>;
  /** Names of the variables whose writes stay where the update is skipped on the wish of a transform. */
  readonly kept: ReadonlySet<string>;
  readonly slots: Map<string, { readonly variable: Variable; readonly slots: Readonly<Record<string, Variable>> }>;
}

/** A chain of gradient transforms with the variables of each; one for each optimizer of a model. */
export class TransformState {
  private readonly entriesOfChain: TransformEntry[] = [];
  private isDisposed = false;

  constructor(readonly chain: readonly GradientTransform[]) {
    try {
      for (const [i, transform] of chain.entries()) {
        const wanted = Object.entries<TransformVariable>(transform.variables?.() ?? {});
        const made = createVariables(
          wanted.map(([name, { shape = [], value, dtype }]) => ({
            name: `${placeOf(i, transform)}/${name}`,
            shape,
            value,
            dtype,
          })),
          `variables() of gradient transform "${transform.name}"`,
        );
        this.entriesOfChain.push({
          transform,
          variables: byName(
            wanted.map(([name]) => name),
            made,
          ),
          kept: new Set(wanted.flatMap(([name, { keptOnSkip }]) => (keptOnSkip === true ? [name] : []))),
          slots: new Map(),
        });
      }
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  /** Refuses a model whose weights a transform cannot serve. */
  check(paths: readonly string[]): void {
    for (const transform of this.chain) transform.check?.(paths);
  }

  /** Makes the slots of a weight that has none yet. */
  ensure(path: string, variable: Variable): void {
    for (const [i, { transform, slots }] of this.entriesOfChain.entries()) {
      const present = slots.get(path);
      if (present === undefined) {
        const initial = transform.slots?.(path) ?? {};
        const names = Object.keys(initial);
        const made = createVariables(
          names.map((name) => ({
            name: `${placeOf(i, transform)}/${path}/${name}`,
            shape: variable.shape,
            value: initial[name]!,
          })),
          `slots() of gradient transform "${transform.name}"`,
        );
        slots.set(path, { variable, slots: byName(names, made) });
      } else if (present.variable !== variable) {
        throw new StateError('weight-changed', {
          where: `state of gradient transform "${transform.name}" for weight "${path}"`,
          expected: 'the variable that its slots were made for',
          received: 'another variable of the same path',
          fix: 'compile the model again after replacing a layer',
        });
      }
    }
  }

  variablesOf(index: number): Readonly<Record<string, Variable>> {
    return this.entriesOfChain[index]!.variables;
  }

  /** @throws LookupError [unknown-weight] if the path has no slots */
  slotsOf(index: number, path: string): Readonly<Record<string, Variable>> {
    const { transform, slots } = this.entriesOfChain[index]!;
    const found = slots.get(path);
    if (found !== undefined) return found.slots;
    throw new LookupError('unknown-weight', {
      where: `slotsOf in gradient transform "${transform.name}"`,
      expected: 'the path of a weight that is trained',
      received: JSON.stringify(path),
      fix: didYouMean(path, slots.keys()),
    });
  }

  /** What is put back where an update is skipped, for whatever reason. */
  undoneOnSkip(): Variable[] {
    return this.entriesOfChain.flatMap(({ variables, kept, slots }) => [
      ...Object.entries(variables).flatMap(([name, variable]) => (kept.has(name) ? [] : [variable])),
      ...[...slots.values()].flatMap((weight) => Object.values(weight.slots)),
    ]);
  }

  /** What is put back only where something was not finite. */
  keptOnSkip(): Variable[] {
    return this.entriesOfChain.flatMap(({ variables, kept }) => [...kept].map((name) => variables[name]!));
  }

  /** Every variable under a name that a file can keep. */
  entries(): [name: string, variable: Variable][] {
    return this.entriesOfChain.flatMap(({ transform, variables, slots }, i) => {
      const prefix = placeOf(i, transform);
      const own = Object.entries(variables).map<[string, Variable]>(([name, variable]) => [
        `${prefix}/${name}`,
        variable,
      ]);
      const ofWeights = [...slots].flatMap(([path, weight]) =>
        Object.entries(weight.slots).map<[string, Variable]>(([name, variable]) => [
          `${prefix}/slots/${path}/${name}`,
          variable,
        ]),
      );
      return [...sortedEntries(own), ...sortedEntries(ofWeights)];
    });
  }

  /** Frees every variable; a second call does nothing. */
  dispose(): void {
    if (this.isDisposed) return;
    this.isDisposed = true;
    for (const [, variable] of this.entries()) variable.dispose();
  }
}

/** Two of a chain may have one name. */
function placeOf(index: number, { name }: GradientTransform): string {
  return `transforms/${index} ${name}`;
}
