import { registerSurroundings } from '../core/replay.js';
import type { Tensor } from './tfjs.js';
import type { Variable } from './variable.js';

/** The tensors that stand for variables while a step runs: what it read at its start and differentiates by. */
let bound: ReadonlyMap<Variable, Tensor> | undefined;

/** The variable's value: the running step's tensor where there is one, else a fresh read that the caller owns. */
export function readVariable(variable: Variable): Tensor {
  return bound?.get(variable) ?? variable.read();
}

/** Runs `fn` while every read of these variables answers with the given tensors; those of a surrounding call go on. */
export function withVariableReads<T>(reads: ReadonlyMap<Variable, Tensor>, fn: () => T): T {
  const outer = bound;
  bound = outer === undefined ? reads : new Map([...outer, ...reads]);
  try {
    return fn();
  } finally {
    bound = outer;
  }
}

/** Whether this very tensor stands for a variable in the running step. */
export function isVariableRead(tensor: Tensor): boolean {
  return bound !== undefined && [...bound.values()].includes(tensor);
}

registerSurroundings(() => {
  const reads = bound;
  return (fn) => (reads === undefined ? fn() : withVariableReads(reads, fn));
});
