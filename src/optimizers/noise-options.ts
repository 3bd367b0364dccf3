import { IsNumber, IsOptional, IsPositive } from 'class-validator';
import { OptionsError } from '../core/errors.js';
import { parseOptions, type OptionsInput } from '../core/parse-options.js';
import { gradientNoise } from './gradient-noise.js';
import type { GradientTransform } from './gradient-transform.js';
import { langevinNoise } from './langevin-noise.js';

/** The `gradientNoise` option of `compile`; one of `eta` and `temperature` is given. */
export class GradientNoiseOptions {
  /** Variance of fading noise at the first update. Default: no such noise. */
  @IsOptional()
  @IsNumber()
  @IsPositive()
  eta?: number;

  /** How fast it fades: the variance is `eta / (1 + t)^gamma`. Default 0.55; with `eta` only. */
  @IsOptional()
  @IsNumber()
  @IsPositive()
  gamma?: number;

  /** Temperature of Langevin noise, which does not fade. Default: no such noise. */
  @IsOptional()
  @IsNumber()
  @IsPositive()
  temperature?: number;
}

/**
 * The transform that a `gradientNoise` option stands for.
 *
 * @throws OptionsError on an unknown or invalid field, or where not one of the two kinds is given
 *
 * @example
 * ```ts
 * import { noiseTransform } from 'adjoint';
 *
 * console.log(noiseTransform({ eta: 0.3 }).name, noiseTransform({ temperature: 1e-3 }).name); // gradientNoise langevinNoise
 * ```
 */
export function noiseTransform(options: OptionsInput<GradientNoiseOptions>): GradientTransform {
  const { eta, gamma, temperature } = parseOptions(GradientNoiseOptions, options, 'gradientNoise');
  if (typeof eta === 'number' && temperature === undefined) return gradientNoise(eta, gamma);
  if (typeof temperature === 'number' && eta === undefined && gamma === undefined) return langevinNoise(temperature);
  const given = Object.entries({ eta, gamma, temperature }).flatMap(([name, value]) =>
    value === undefined ? [] : [name],
  );
  throw new OptionsError('noise-choice', {
    where: 'gradientNoise',
    expected: 'eta, with gamma or without, or else temperature',
    received: given.length === 0 ? 'none of them' : given.join(' and '),
    fix: 'keep one; eta: 0.01 is noise that fades',
  });
}
