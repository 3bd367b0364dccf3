import { LookupError, OptionsError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { didYouMean } from '../core/nearest-name.js';
import { constant } from './constant.js';
import { glorotNormal } from './glorot-normal.js';
import { glorotUniform } from './glorot-uniform.js';
import { heNormal } from './he-normal.js';
import { heUniform } from './he-uniform.js';
import type { Initializer } from './initializer.js';
import { lecunNormal } from './lecun-normal.js';
import { lecunUniform } from './lecun-uniform.js';
import { ones } from './ones.js';
import { randomNormal } from './random-normal.js';
import { randomUniform } from './random-uniform.js';
import { truncatedNormal } from './truncated-normal.js';
import { varianceScaling } from './variance-scaling.js';
import { zeros } from './zeros.js';

/**
 * The initializers by name: `initializers.heNormal()`.
 *
 * @example
 * ```ts
 * import { initializers } from 'adjoint';
 *
 * console.log(initializers.heNormal().name); // heNormal
 * ```
 */
export const initializers = {
  zeros,
  ones,
  constant,
  randomNormal,
  truncatedNormal,
  randomUniform,
  varianceScaling,
  glorotUniform,
  glorotNormal,
  heUniform,
  heNormal,
  lecunUniform,
  lecunNormal,
};

/** Name of an initializer that needs no options. */
export type InitializerName = Exclude<keyof typeof initializers, 'constant'>;

/** An initializer with its options as plain data, as JSON keeps it: `{ name: 'constant', value: 1 }`. */
export interface InitializerConfig {
  /** Name of the initializer. */
  readonly name: keyof typeof initializers;
  readonly [option: string]: unknown;
}

/** What an option such as `kernelInitializer` takes: a name, an initializer, or one as plain data. */
export type InitializerLike = InitializerName | Initializer | InitializerConfig;

/**
 * The initializer that a name, an object or plain data stands for.
 *
 * @param where - whose initializer it is, as a phrase for errors
 * @throws LookupError [unknown-name], OptionsError [initializer-type | unknown-option | invalid-option]
 */
export function resolveInitializer(like: InitializerLike, where: string): Initializer {
  if (typeof like === 'string') return make(like, undefined, where);
  if (typeof like === 'object' && like !== null) {
    if ('values' in like && typeof like.values === 'function') return like as Initializer;
    const { name, ...options } = like as InitializerConfig;
    if (typeof name === 'string') return make(name, options, where);
  }
  throw new OptionsError('initializer-type', {
    where: `initializer of ${where}`,
    expected: 'a name, e.g. "heNormal", or an initializer, e.g. initializers.heNormal()',
    received: formatValue(like),
  });
}

function make(name: string, options: object | undefined, where: string): Initializer {
  if (!Object.hasOwn(initializers, name)) {
    throw new LookupError('unknown-name', {
      where: `initializer of ${where}`,
      expected: 'the name of an initializer',
      received: JSON.stringify(name),
      fix: didYouMean(name, Object.keys(initializers)),
    });
  }
  const factory = initializers[name as keyof typeof initializers] as (options?: object) => Initializer;
  return factory(options);
}
