import { IsNumber, Min } from 'class-validator';
import { LookupError, OptionsError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { didYouMean } from '../core/nearest-name.js';
import { parseOptions, type OptionsInput } from '../core/parse-options.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import type { Regularizer } from './regularizer.js';
import { withDerivative } from './with-derivative.js';

/** Options of `regularizers.l1`. */
export class L1Options {
  /** Factor of the sum of magnitudes. Default 0.01. */
  @IsNumber()
  @Min(0)
  l1 = 0.01;
}

/** Options of `regularizers.l2`. */
export class L2Options {
  /** Factor of the sum of squares. Default 0.01. */
  @IsNumber()
  @Min(0)
  l2 = 0.01;
}

/** Options of `regularizers.l1l2`. */
export class L1L2Options {
  /** Factor of the sum of magnitudes. Default 0.01. */
  @IsNumber()
  @Min(0)
  l1 = 0.01;

  /** Factor of the sum of squares. Default 0.01. */
  @IsNumber()
  @Min(0)
  l2 = 0.01;
}

class NormRegularizer implements Regularizer {
  constructor(
    readonly name: string,
    private readonly options: { readonly l1?: number; readonly l2?: number },
  ) {}

  penalty(value: Tensor): Tensor {
    const { l1 = 0, l2 = 0 } = this.options;
    const terms: Tensor[] = [];
    if (l1 > 0) terms.push(tf.mul(l1, tf.sum(absolute(value))));
    if (l2 > 0) terms.push(tf.mul(l2, tf.sum(tf.square(value))));
    return terms.length === 0 ? tf.scalar(0) : terms.reduce((sum, term) => tf.add(sum, term));
  }

  /** `{ name, l1, l2 }`, which `resolveRegularizer` takes back. */
  toJSON(): object {
    return { name: this.name, ...this.options };
  }
}

/** tfjs's own gradient of abs is -1 at zero, which would push weights that start there. */
const absolute = withDerivative(
  (x) => tf.abs(x),
  (x) => tf.sign(x),
);

/**
 * Penalises the magnitudes of a tensor, which drives small weights to zero.
 *
 * Formula: `l1 * sum(abs(w))`.
 *
 * @throws OptionsError where an option is unknown or negative
 *
 * @example
 * ```ts
 * import { layers, regularizers } from 'adjoint';
 *
 * const sparse = layers.dense({ units: 4, kernelRegularizer: regularizers.l1({ l1: 1e-4 }) });
 * console.log(sparse.name); // dense
 * ```
 *
 * @see https://keras.io/api/layers/regularizers/
 */
function l1(options?: OptionsInput<L1Options>): Regularizer {
  return new NormRegularizer('l1', { ...parseOptions(L1Options, options, 'regularizer l1') });
}

/**
 * Penalises the squares of a tensor, which keeps weights small.
 *
 * Formula: `l2 * sum(w^2)`, without a factor of one half.
 *
 * @throws OptionsError where an option is unknown or negative
 *
 * @example
 * ```ts
 * import { regularizers, tf } from 'adjoint';
 *
 * tf.tidy(() => regularizers.l2({ l2: 0.5 }).penalty(tf.tensor1d([1, 3])).print()); // 5
 * ```
 *
 * @see https://keras.io/api/layers/regularizers/
 */
function l2(options?: OptionsInput<L2Options>): Regularizer {
  return new NormRegularizer('l2', { ...parseOptions(L2Options, options, 'regularizer l2') });
}

/**
 * Penalises both the magnitudes and the squares of a tensor, the elastic net.
 *
 * Formula: `l1 * sum(abs(w)) + l2 * sum(w^2)`.
 *
 * @throws OptionsError where an option is unknown or negative
 *
 * @example
 * ```ts
 * import { regularizers, tf } from 'adjoint';
 *
 * tf.tidy(() => regularizers.l1l2({ l1: 1, l2: 0.5 }).penalty(tf.tensor1d([1, -3])).print()); // 9
 * ```
 *
 * @see https://keras.io/api/layers/regularizers/
 */
function l1l2(options?: OptionsInput<L1L2Options>): Regularizer {
  return new NormRegularizer('l1l2', { ...parseOptions(L1L2Options, options, 'regularizer l1l2') });
}

/**
 * The regularizers by name: `regularizers.l2({ l2: 1e-4 })`.
 *
 * @example
 * ```ts
 * import { regularizers } from 'adjoint';
 *
 * console.log(regularizers.l2().name); // l2
 * ```
 */
export const regularizers = { l1, l2, l1l2 };

/** Name of a regularizer. */
export type RegularizerName = keyof typeof regularizers;

/** A regularizer with its options as plain data, as JSON keeps it: `{ name: 'l2', l2: 0.001 }`. */
export interface RegularizerConfig {
  /** Name of the regularizer. */
  readonly name: RegularizerName;
  readonly [option: string]: unknown;
}

/** What an option such as `kernelRegularizer` takes: a name, a regularizer, or one as plain data. */
export type RegularizerLike = RegularizerName | Regularizer | RegularizerConfig;

/**
 * The regularizer that a name, an object or plain data stands for; `undefined` stays so.
 *
 * @param where - whose regularizer it is, as a phrase for errors
 * @throws LookupError [unknown-name], OptionsError [regularizer-type | unknown-option | invalid-option]
 */
export function resolveRegularizer(like: RegularizerLike | undefined, where: string): Regularizer | undefined {
  if (like === undefined) return undefined;
  if (typeof like === 'string') return make(like, undefined, where);
  if (typeof like === 'object' && like !== null) {
    if ('penalty' in like && typeof like.penalty === 'function') return like as Regularizer;
    const { name, ...options } = like as RegularizerConfig;
    if (typeof name === 'string') return make(name, options, where);
  }
  throw new OptionsError('regularizer-type', {
    where: `regularizer of ${where}`,
    expected: 'a name, e.g. "l2", or a regularizer, e.g. regularizers.l2({ l2: 1e-4 })',
    received: formatValue(like),
  });
}

function make(name: string, options: object | undefined, where: string): Regularizer {
  if (Object.hasOwn(regularizers, name)) return regularizers[name as RegularizerName](options);
  throw new LookupError('unknown-name', {
    where: `regularizer of ${where}`,
    expected: 'the name of a regularizer',
    received: JSON.stringify(name),
    fix: didYouMean(name, Object.keys(regularizers)),
  });
}
