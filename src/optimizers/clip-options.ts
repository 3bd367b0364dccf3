import { IsNumber, IsOptional, IsPositive } from 'class-validator';
import { OptionsError } from '../core/errors.js';
import { parseOptions, type OptionsInput } from '../core/parse-options.js';
import { clipByGlobalNorm } from './clip-by-global-norm.js';
import { clipByNorm } from './clip-by-norm.js';
import { clipByValue } from './clip-by-value.js';
import type { GradientTransform } from './gradient-transform.js';

/** The `clip` option of `compile`; exactly one field is given. */
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
}

const TRANSFORMS = { value: clipByValue, norm: clipByNorm, globalNorm: clipByGlobalNorm } as const;

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
  const given = (['value', 'norm', 'globalNorm'] as const).filter((name) => typeof parsed[name] === 'number');
  const [only] = given;
  if (only === undefined || given.length > 1) {
    throw new OptionsError('clip-choice', {
      where: 'clip',
      expected: 'exactly one of value, norm, globalNorm',
      received: given.length === 0 ? 'none of them' : given.join(' and '),
      fix: 'keep one; globalNorm: 1 keeps the direction of the step',
    });
  }
  return TRANSFORMS[only](parsed[only]!);
}
