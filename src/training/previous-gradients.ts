import type { Variable } from '../engine/variable.js';
import { createVariables } from '../optimizers/create-variables.js';
import type { ProbeSet } from './probe-contract.js';
import type { Trainable } from './trainable.js';

/** What the names in {@link PreviousGradients.entries} begin with. */
export const PREVIOUS_GRADIENT = 'previous-gradient/';

/** The gradients of the last probed step, in variables; made where a probe compares directions. */
export class PreviousGradients {
  private readonly variables = new Map<string, Variable>();

  /** Makes what a probed step needs, before it is recorded. */
  ensure(set: ProbeSet, model: Trainable): void {
    if (set.weights?.includes('cosine') !== true) return;
    for (const [path, { handle }] of model.weightTree()) this.ensureWeight(path, handle.shape);
  }

  /** Makes the variable of a weight where there is none. */
  ensureWeight(path: string, shape: readonly number[]): void {
    if (this.variables.has(path)) return;
    const wanted = [{ name: `probe/${path}/previous-gradient`, shape, value: 0 }];
    this.variables.set(path, createVariables(wanted, 'a probe')[0]!);
  }

  /** Every variable under a name that a file can keep. */
  entries(): [name: string, variable: Variable][] {
    return [...this.variables].map(([path, variable]) => [`${PREVIOUS_GRADIENT}${path}`, variable]);
  }

  of(path: string): Variable {
    return this.variables.get(path)!;
  }

  dispose(): void {
    for (const variable of this.variables.values()) variable.dispose();
    this.variables.clear();
  }
}
