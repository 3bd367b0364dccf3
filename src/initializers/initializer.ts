import type { RngKey } from '../core/rng-key.js';

/** Draws a weight's first value; drawn in JavaScript by key, so that every engine starts from the same numbers. */
export interface Initializer {
  /** Name as in Keras, camel-cased: `glorotUniform`. */
  readonly name: string;

  /**
   * @param shape - shape of the weight; the last dimension is the output's, the one before it the input's
   * @param key - source of randomness
   * @returns the values in row-major order
   */
  values(shape: readonly number[], key: RngKey): Float32Array;
}
