import { liveVariables } from '../engine/live-variables.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import type { Variable } from '../engine/variable.js';

/** Every value that ops can change, as it was at one moment. */
export class KeptState {
  private readonly variables: readonly (readonly [Variable, Tensor])[];
  private readonly tfVariables: readonly (readonly [tf.Variable, Tensor])[];

  constructor() {
    this.variables = [...liveVariables.values()].map((live) => {
      const variable = live as Variable;
      return [variable, tf.keep(variable.read())] as const;
    });
    const { registeredVariables } = tf.engine().state;
    this.tfVariables = Object.values(registeredVariables).map((variable) => [variable, tf.keep(variable.clone())]);
  }

  /** Writes everything back that still exists. */
  restore(): void {
    for (const [variable, value] of this.variables) if (!variable.isDisposed) variable.assign(value);
    for (const [variable, value] of this.tfVariables) {
      // `assign` takes the data over, and frees them at the next one.
      if (!variable.isDisposed) tf.tidy(() => variable.assign(tf.add(value, 0).cast(value.dtype)));
    }
  }

  /** Names of the variables whose values are others now. */
  changed(): string[] {
    const differs = (now: Tensor, old: Tensor): boolean =>
      tf.tidy(() => tf.any(tf.notEqual(now, old)).dataSync()[0] === 1 && !bothUnordered(now, old));
    const own = this.variables.flatMap(([variable, old]) => {
      if (variable.isDisposed) return [];
      return tf.tidy(() => differs(variable.read(), old)) ? [variable.name] : [];
    });
    const others = this.tfVariables.flatMap(([variable, old]) =>
      !variable.isDisposed && differs(variable, old) ? [variable.name] : [],
    );
    return [...own, ...others];
  }

  dispose(): void {
    for (const [, value] of this.variables) value.dispose();
    for (const [, value] of this.tfVariables) value.dispose();
  }
}

/** NaN is not equal to itself, and no change. */
function bothUnordered(now: Tensor, old: Tensor): boolean {
  return tf.all(tf.logicalOr(tf.equal(now, old), tf.logicalAnd(tf.isNaN(now), tf.isNaN(old)))).dataSync()[0] === 1;
}

/** Runs `fn`, after which every variable has the value that it had before. */
export function withStateKept<T>(fn: () => T): T {
  const kept = new KeptState();
  try {
    return fn();
  } finally {
    kept.restore();
    kept.dispose();
  }
}
