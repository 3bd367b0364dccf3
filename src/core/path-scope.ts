/** Which part of a step the running code belongs to. */
export type Phase = 'forward' | 'backward' | 'update';

/** Where in the model, and in the step, the running code is. */
export interface Scope {
  /** Path of the innermost running layer, `''` at the root. */
  readonly path: string;
  /** How many layer calls are running inside one another. */
  readonly depth: number;
  readonly phase: Phase;
  /** The custom rule whose forward or backward function is running, if one is. */
  readonly rule?: string;
  /** What is computed there, where no layer is: the loss, a regularizer; or that a layer is run a second time. */
  readonly part?: string;
}

/** The part that looks whether a step is finite, before its updates and after. */
export const FINITE_PART = 'finite?';
/** The part of a checkpointed function that is computed again for the gradient. */
export const AGAIN_PART = 'again';

/** A layer's call adds its name; errors, keys and the recorder read the path. Never changed in place, so that it can be kept. */
let current: Scope = { path: '', depth: 0, phase: 'forward' };

/** Runs `fn` with `name` appended to the current path; an empty name appends nothing. */
export function withPath<T>(name: string, fn: () => T): T {
  const { path, depth } = current;
  const inner = name === '' ? path : path === '' ? name : `${path}/${name}`;
  return withScope({ ...current, path: inner, depth: depth + 1 }, fn);
}

/** Runs `fn` as a part of another phase, at the same path. */
export function withPhase<T>(phase: Phase, fn: () => T): T {
  return withScope({ ...current, phase }, fn);
}

/** Runs `fn` as a part of a custom rule, at the same path. */
export function withRule<T>(rule: string, fn: () => T): T {
  return withScope({ ...current, rule }, fn);
}

/** Runs `fn` as a named part of the step, at the same path. */
export function withPart<T>(part: string, fn: () => T): T {
  return withScope({ ...current, part }, fn);
}

/** Runs `fn` as if it were called where `scope` was the current one. */
export function withScope<T>(scope: Scope, fn: () => T): T {
  const outer = current;
  current = scope;
  try {
    return fn();
  } finally {
    current = outer;
  }
}

export function currentScope(): Scope {
  return current;
}

/** The path of the innermost running layer, `''` at the root. */
export function currentPath(): string {
  return current.path;
}

/** The phase that the running code belongs to. */
export function currentPhase(): Phase {
  return current.phase;
}

/** How many layer calls are running inside one another. */
export function pathDepth(): number {
  return current.depth;
}
