import { IsNumber, IsOptional, IsPositive } from 'class-validator';
import { OptionsError } from '../core/errors.js';
import { parseOptions, type OptionsInput } from '../core/parse-options.js';
import type { PathPredicate } from '../core/path-predicate.js';
import { clipAdaptively } from './clip-adaptively.js';
import { clipByGlobalNorm } from './clip-by-global-norm.js';
import { clipByNorm } from './clip-by-norm.js';
import { clipByValue } from './clip-by-value.js';
import type { GradientTransform } from './gradient-transform.js';
import { IsPathPredicate } from './is-path-predicate.js';
import { onlyFor } from './only-for.js';

/** The `clip` option of `compile`; exactly one limit is given. */
export class ClipOptions {
  /** Largest magnitude of one element. Default: no such limit. */
  @IsOptional()
  @IsNumber()
  @IsPositive()
  value?: number;

  /** Largest norm of one weight's gradient. Default: no such limit. */
  @IsOptional()
  @IsNumber()
  @IsPositive()
  norm?: number;

  /** Largest norm of all gradients together. Default: no such limit. */
  @IsOptional()
  @IsNumber()
  @IsPositive()
  globalNorm?: number;

  /** Largest ratio of the norm of a unit's gradient to that of its weights. Default: no such limit. */
  @IsOptional()
  @IsNumber()
  @IsPositive()
  adaptive?: number;

  /** Paths of the weights whose gradients are clipped, and whose norm counts. Default all. */
  @IsOptional()
  @IsPathPredicate()
  only?: PathPredicate;
}

const TRANSFORMS = {
  value: clipByValue,
  norm: clipByNorm,
  globalNorm: clipByGlobalNorm,
  adaptive: clipAdaptively,
} as const;
const LIMITS = ['value', 'norm', 'globalNorm', 'adaptive'] as const;

/**
 * The transform that a `clip` option stands for.
 *
 * @throws OptionsError on an unknown or invalid field, or where not exactly one is given
 *
 * @example
 * ```ts
 * import { clipTransform } from 'adjoint';
 *
 * console.log(clipTransform({ globalNorm: 1 }).name); // clipByGlobalNorm
 * ```
 */
export function clipTransform(options: OptionsInput<ClipOptions>): GradientTransform {
  const parsed = parseOptions(ClipOptions, options, 'clip');
  const given = LIMITS.filter((name) => typeof parsed[name] === 'number');
  const [limit] = given;
  if (limit === undefined || given.length > 1) {
    throw new OptionsError('clip-choice', {
      where: 'clip',
      expected: `exactly one of ${LIMITS.join(', ')}`,
      received: given.length === 0 ? 'none of them' : given.join(' and '),
      fix: 'keep one; globalNorm: 1 keeps the direction of the step',
    });
  }
  const transform = TRANSFORMS[limit](parsed[limit]!);
  return parsed.only === undefined ? transform : onlyFor(parsed.only, transform);
}
