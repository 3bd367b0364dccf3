import type { RngKey } from '../core/rng-key.js';
import type { Initializer } from './initializer.js';

/** An initializer made of a name, its options and a way to draw; JSON keeps the name and the options. */
export class NamedInitializer implements Initializer {
  constructor(
    readonly name: string,
    private readonly options: object,
    private readonly draw: (shape: readonly number[], key: RngKey) => Float32Array,
  ) {}

  values(shape: readonly number[], key: RngKey): Float32Array {
    return this.draw(shape, key);
  }

  /** `{ name, ...options }`, which `resolveInitializer` takes back. */
  toJSON(): { name: string } {
    return { name: this.name, ...this.options };
  }
}

/** Values scaled and shifted in place, computed in float64 and rounded once. */
export function affine(values: Float32Array, factor: number, shift: number): Float32Array {
  for (let i = 0; i < values.length; i++) values[i] = values[i]! * factor + shift;
  return values;
}
