import { OptionsError } from './errors.js';
import { philoxFill } from './philox.js';
import { logOfFraction, sineCosineOfTurns } from './portable-math.js';

/** One step of a path below a seed: a name, or a number such as an epoch or a sample's index. */
export type RngPathPart = string | number;

/** The third counter word tells draws of different kinds, and derivations, of one key apart. */
const Use = { seed: 1, text: 2, number: 3, uniform: 4, normal: 5, truncatedNormal: 6, integers: 7 } as const;

// Taken out of the global object once: see philox.ts.
const { abs, floor, sqrt } = Math;

const TWO_TO_32 = 4294967296;

/**
 * A 64-bit key from which random numbers are drawn: a seed folded with a path of names and numbers.
 *
 * Every derivation is one Philox4x32-10 block under the parent's key, of which the first two words are the child's key:
 * the seed under the key (0, 0) with counter `[low, high, 1, 0]`; a number with counter `[low, high, 3, 0]`; a text's UTF-8 bytes, zero
 * padded, in chunks of eight with counter `[chunk low, chunk high, 2, bytes left]`. Keys are values: nothing is consumed by a draw,
 * and the same key always draws the same numbers, on every machine.
 *
 * When to use: for data or initial values of your own that must be the same in every run; draws inside a layer come from
 * its `CallContext`.
 *
 * @example
 * ```ts
 * import { RngKey, uniform } from 'adjoint';
 *
 * const key = RngKey.fromSeed(7, 'dense_1', 'kernel');
 * console.log(uniform(key, 3));
 * ```
 *
 * @see Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011)
 */
export class RngKey {
  private constructor(
    /** The key's low 32 bits, unsigned. */
    readonly low: number,
    /** The key's high 32 bits, unsigned. */
    readonly high: number,
  ) {}

  /**
   * The key of a seed, or of a path below it.
   *
   * @param seed - an integer from 0 to 2^53 - 1
   * @throws OptionsError if the seed is not such an integer
   */
  static fromSeed(seed: number, ...path: RngPathPart[]): RngKey {
    assertIndex(seed, 'seed');
    return derive(new RngKey(0, 0), seed, Use.seed, 0).child(...path);
  }

  /** The key of two unsigned 32-bit words, as a saved state keeps them. */
  static fromWords(low: number, high: number): RngKey {
    return new RngKey(low >>> 0, high >>> 0);
  }

  /** The key below this one, by names and numbers; different paths give independent keys. */
  child(...path: RngPathPart[]): RngKey {
    return path.reduce<RngKey>(
      (key, part) => (typeof part === 'number' ? key.foldIn(part) : foldText(key, part)),
      this,
    );
  }

  /**
   * The key below this one, by a number.
   *
   * @param index - an integer from 0 to 2^53 - 1
   * @throws OptionsError if the index is not such an integer
   */
  foldIn(index: number): RngKey {
    assertIndex(index, 'index');
    return derive(this, index, Use.number, 0);
  }
}

/**
 * The key of a path below a seed; short for {@link RngKey.fromSeed}.
 *
 * @throws OptionsError [invalid-seed] if the seed is not an integer from 0 to 2^53 - 1
 *
 * @example
 * ```ts
 * import { rngKey, uniform } from 'adjoint';
 *
 * console.log(uniform(rngKey(7, 'dense_1', 'kernel'), 3)); // the same three numbers on every machine
 * ```
 */
export function rngKey(seed: number, ...path: RngPathPart[]): RngKey {
  return RngKey.fromSeed(seed, ...path);
}

const block = new Uint32Array(4);

function derive(key: RngKey, index: number, use: number, last: number): RngKey {
  philoxFill(block, key.low, key.high, index >>> 0, Math.floor(index / TWO_TO_32), use, last);
  return RngKey.fromWords(block[0]!, block[1]!);
}

function foldText(key: RngKey, text: string): RngKey {
  const bytes = new TextEncoder().encode(text);
  const padded = new Uint8Array(Math.max(8, Math.ceil(bytes.length / 8) * 8));
  padded.set(bytes);
  const view = new DataView(padded.buffer);
  let result = key;
  for (let offset = 0; offset < padded.length; offset += 8) {
    const [low, high] = [view.getUint32(offset, true), view.getUint32(offset + 4, true)];
    philoxFill(block, result.low, result.high, low, high, Use.text, bytes.length - offset);
    result = RngKey.fromWords(block[0]!, block[1]!);
  }
  return result;
}

function assertIndex(value: number, what: string): void {
  if (Number.isSafeInteger(value) && value >= 0) return;
  throw new OptionsError('invalid-seed', {
    where: `the ${what} of a random key`,
    expected: 'an integer from 0 to 2^53 - 1',
    received: String(value),
    fix: `give a whole, non-negative ${what}`,
  });
}

/** How many blocks are drawn at once: small enough for the first-level cache. */
const CHUNK_WORDS = 4096;

function forEachChunk(key: RngKey, count: number, use: number, consume: (words: Uint32Array, start: number) => void) {
  const words = new Uint32Array(Math.min(CHUNK_WORDS, Math.ceil(count / 4) * 4));
  for (let start = 0; start < count; start += words.length) {
    const index = start / 4;
    philoxFill(words, key.low, key.high, index, Math.floor(index / TWO_TO_32), use, 0);
    consume(words, start);
  }
}

/**
 * Draws `count` numbers uniformly from [0, 1), each a multiple of 2^-24.
 *
 * Fewer draws from the same key are a prefix of more.
 *
 * @example
 * ```ts
 * import { rngKey, uniform } from 'adjoint';
 *
 * console.log(uniform(rngKey(1), 2)[0] === uniform(rngKey(1), 1)[0]); // true
 * ```
 */
export function uniform(key: RngKey, count: number): Float32Array {
  const out = new Float32Array(count);
  forEachChunk(key, count, Use.uniform, (words, start) => {
    const end = Math.min(words.length, count - start);
    for (let i = 0; i < end; i++) out[start + i] = (words[i]! >>> 8) * (1 / 16777216);
  });
  return out;
}

const angle = new Float64Array(2);

/** The Box-Muller pair of two uniform words, written into `out`. */
function normalPair(word0: number, word1: number, out: Float64Array): void {
  const radius = sqrt(-2 * logOfFraction(word0 + 1));
  sineCosineOfTurns(word1 / TWO_TO_32, angle);
  out[0] = radius * angle[1]!;
  out[1] = radius * angle[0]!;
}

/**
 * Draws `count` numbers from the standard normal distribution by the Box-Muller transform, computed in float64.
 *
 * Fewer draws from the same key are a prefix of more.
 *
 * @example
 * ```ts
 * import { normal, rngKey } from 'adjoint';
 *
 * const values = normal(rngKey(1, 'noise'), 10_000);
 * const mean = values.reduce((sum, value) => sum + value) / values.length;
 * console.log(Math.abs(mean) < 0.05); // true
 * ```
 */
export function normal(key: RngKey, count: number): Float32Array {
  const out = new Float32Array(count);
  const pair = new Float64Array(2);
  forEachChunk(key, count, Use.normal, (words, start) => {
    const end = Math.min(words.length, count - start);
    for (let i = 0; i < end; i += 2) {
      normalPair(words[i]!, words[i + 1]!, pair);
      out[start + i] = pair[0]!;
      if (i + 1 < end) out[start + i + 1] = pair[1]!;
    }
  });
  return out;
}

/**
 * Draws `count` numbers from the standard normal distribution cut off at two standard deviations: a draw beyond them is drawn again.
 *
 * The number at place i depends on the key and i only.
 *
 * @example
 * ```ts
 * import { rngKey, truncatedNormal } from 'adjoint';
 *
 * console.log(truncatedNormal(rngKey(1), 1000).every((value) => Math.abs(value) <= 2)); // true
 * ```
 */
export function truncatedNormal(key: RngKey, count: number): Float32Array {
  const out = new Float32Array(count);
  const words = new Uint32Array(4);
  const pair = new Float64Array(2);
  for (let i = 0; i < count; i++) {
    let found = false;
    for (let attempt = 0; !found; attempt++) {
      philoxFill(words, key.low, key.high, i, floor(i / TWO_TO_32), Use.truncatedNormal, attempt);
      for (let j = 0; j < 4 && !found; j += 2) {
        normalPair(words[j]!, words[j + 1]!, pair);
        const value = abs(pair[0]!) <= 2 ? pair[0]! : pair[1]!;
        found = abs(value) <= 2;
        out[i] = value;
      }
    }
  }
  return out;
}

/**
 * An unending, reproducible stream of whole numbers from one key.
 *
 * When to use: where the number of draws, or their bound, is not known before; otherwise {@link integers}.
 *
 * @example
 * ```ts
 * import { IntegerStream, rngKey } from 'adjoint';
 *
 * const dice = new IntegerStream(rngKey(1, 'dice'));
 * console.log(1 + dice.below(6), 1 + dice.below(6));
 * ```
 */
export class IntegerStream {
  #words = new Uint32Array(64);
  #position = 64;
  #block = 0;

  constructor(private readonly key: RngKey) {}

  /** A number drawn uniformly from 0 to `bound - 1`, without modulo bias; `bound` is at most 2^32. */
  below(bound: number): number {
    // Words of the last, incomplete interval are drawn again.
    const limit = TWO_TO_32 - (TWO_TO_32 % bound);
    let word = this.#next();
    while (word >= limit) word = this.#next();
    return word % bound;
  }

  #next(): number {
    if (this.#position === 64) {
      philoxFill(
        this.#words,
        this.key.low,
        this.key.high,
        this.#block >>> 0,
        Math.floor(this.#block / TWO_TO_32),
        Use.integers,
        0,
      );
      this.#block += 16;
      this.#position = 0;
    }
    return this.#words[this.#position++]!;
  }
}

/**
 * Draws `count` whole numbers uniformly from `low` (inclusive) to `high` (exclusive).
 *
 * @throws OptionsError if the range is empty or leaves the signed 32-bit integers
 *
 * @example
 * ```ts
 * import { integers, rngKey } from 'adjoint';
 *
 * console.log(integers(rngKey(1), 5, 1, 7)); // five throws of a die
 * ```
 */
export function integers(key: RngKey, count: number, low: number, high: number): Int32Array {
  if (!Number.isInteger(low) || !Number.isInteger(high) || low < -(2 ** 31) || high > 2 ** 31 || low >= high) {
    throw new OptionsError('invalid-range', {
      where: 'integers(key, count, low, high)',
      expected: 'whole numbers with -2^31 <= low < high <= 2^31',
      received: `low ${low}, high ${high}`,
      fix: 'give a range that holds at least one number',
    });
  }
  const stream = new IntegerStream(key);
  return Int32Array.from({ length: count }, () => low + stream.below(high - low));
}

/**
 * Draws a permutation of 0 to `count - 1` by the Fisher-Yates shuffle.
 *
 * @example
 * ```ts
 * import { permutation, rngKey } from 'adjoint';
 *
 * console.log([...permutation(rngKey(1, 'order'), 4)].sort()); // [0, 1, 2, 3]
 * ```
 */
export function permutation(key: RngKey, count: number): Int32Array {
  const order = new Int32Array(count);
  for (let i = 0; i < count; i++) order[i] = i;
  const stream = new IntegerStream(key);
  for (let i = count - 1; i > 0; i--) {
    const j = stream.below(i + 1);
    const other = order[j]!;
    order[j] = order[i]!;
    order[i] = other;
  }
  return order;
}
