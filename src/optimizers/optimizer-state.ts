import { LookupError, StateError } from '../core/errors.js';
import { didYouMean } from '../core/nearest-name.js';
import type { Variable } from '../engine/variable.js';
import type { BaseOptimizer } from './base-optimizer.js';
import { byName, createVariables, sortedEntries, type NewVariable } from './create-variables.js';

interface WeightSlots {
  readonly variable: Variable;
  readonly slots: Readonly<Record<string, Variable>>;
}

/** The variables of one model's optimizer: a count of updates, the optimizer's scalars, and slots by weight path. */
export class OptimizerState {
  /** Updates made so far, an int32 scalar; a step that was gated off does not count. */
  readonly iterations: Variable;
  readonly scalars: Readonly<Record<string, Variable>>;
  private readonly slotValues: Readonly<Record<string, number>>;
  private readonly weights = new Map<string, WeightSlots>();
  private isDisposed = false;

  private constructor(optimizer: BaseOptimizer) {
    this.slotValues = optimizer.slots();
    const [iterations, ...scalars] = createAll([
      { name: 'optimizer/iterations', shape: [], value: 0, dtype: 'int32' },
      ...Object.entries(optimizer.scalars()).map(([name, value]) => ({ name: `optimizer/${name}`, shape: [], value })),
    ]);
    this.iterations = iterations!;
    this.scalars = byName(Object.keys(optimizer.scalars()), scalars);
  }

  /** State for these weights, by path; slots start at the optimizer's initial values. */
  static create(
    optimizer: BaseOptimizer,
    weights: Iterable<readonly [path: string, variable: Variable]>,
  ): OptimizerState {
    const state = new OptimizerState(optimizer);
    try {
      for (const [path, variable] of weights) state.ensure(path, variable);
    } catch (error) {
      state.dispose();
      throw error;
    }
    return state;
  }

  /**
   * Makes the slots of a weight that has none yet, such as one that has just become trainable.
   *
   * @throws StateError [weight-changed] if the path has slots for another variable
   */
  ensure(path: string, variable: Variable): void {
    this.assertUsable();
    const present = this.weights.get(path);
    if (present === undefined) {
      const names = Object.keys(this.slotValues);
      const made = createAll(
        names.map((name) => ({
          name: `optimizer/${path}/${name}`,
          shape: variable.shape,
          value: this.slotValues[name]!,
        })),
      );
      this.weights.set(path, { variable, slots: byName(names, made) });
    } else if (present.variable !== variable) {
      throw new StateError('weight-changed', {
        where: `optimizer state of weight "${path}"`,
        expected: 'the variable that its slots were made for',
        received: 'another variable of the same path',
        fix: 'compile the model again after replacing a layer',
      });
    }
  }

  /** @throws LookupError [unknown-weight] if the path has no slots */
  slotsOf(path: string): Readonly<Record<string, Variable>> {
    this.assertUsable();
    const found = this.weights.get(path);
    if (found !== undefined) return found.slots;
    throw new LookupError('unknown-weight', {
      where: 'optimizer state',
      expected: 'the path of a weight that it was made for',
      received: JSON.stringify(path),
      fix: didYouMean(path, this.weights.keys()),
    });
  }

  /** Paths of the weights that have slots, be there any slots or not. */
  paths(): string[] {
    return [...this.weights.keys()];
  }

  /** Every variable under a name that a file can keep; the order depends on the names alone. */
  entries(): [name: string, variable: Variable][] {
    this.assertUsable();
    const slots = [...this.weights].flatMap(([path, weight]) => withPrefix(`slots/${path}/`, weight.slots));
    return [
      ['iterations', this.iterations],
      ...sortedEntries(withPrefix('scalars/', this.scalars)),
      ...sortedEntries(slots),
    ];
  }

  /** Frees every variable; a second call does nothing. */
  dispose(): void {
    if (this.isDisposed) return;
    for (const [, variable] of this.entries()) variable.dispose();
    this.isDisposed = true;
  }

  private assertUsable(): void {
    if (!this.isDisposed) return;
    throw new StateError('disposed', {
      where: 'optimizer state',
      expected: 'a state in use',
      received: 'a use after dispose()',
      fix: 'compile the model again',
    });
  }
}

function withPrefix(prefix: string, named: Readonly<Record<string, Variable>>): [string, Variable][] {
  return Object.entries(named).map(([name, variable]) => [prefix + name, variable]);
}

function createAll(wanted: readonly NewVariable[]): Variable[] {
  return createVariables(wanted, 'slots() and scalars() of an optimizer');
}
