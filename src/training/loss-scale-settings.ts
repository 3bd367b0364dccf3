import { IsInt, IsNumber, IsPositive, Max, Min } from 'class-validator';
import { OptionsError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { parseOptions, type OptionsInput } from '../core/parse-options.js';
import type { Precision } from '../engine/precision/precision-names.js';

/** Options of dynamic loss scaling. */
export class LossScaleOptions {
  /** Scale of the first step. Default 2^15. */
  @IsNumber()
  @Min(1)
  @Max(2 ** 24)
  initial = 2 ** 15;

  /** What the scale grows by, above 1. Default 2. */
  @IsNumber()
  @Min(1.0001)
  growthFactor = 2;

  /** What it is multiplied with after a step whose gradients were not finite, between 0 and 1. Default 0.5. */
  @IsNumber()
  @IsPositive()
  @Max(0.9999)
  backoff = 0.5;

  /** Good steps in a row after which it grows. Default 2000. */
  @IsInt()
  @Min(1)
  growthInterval = 2000;
}

/** What `compile({ lossScale })` takes. */
export type LossScaleLike = 'dynamic' | number | OptionsInput<LossScaleOptions>;

/** How a loss is scaled, settled. */
export interface LossScaleSettings {
  readonly initial: number;
  /** `null`: it stays as it is. */
  readonly dynamic: Pick<LossScaleOptions, 'growthFactor' | 'backoff' | 'growthInterval'> | null;
}

/**
 * @param option - `undefined`: dynamic for float16, which needs it; none else
 * @returns `null` where losses are not scaled
 */
export function lossScaleSettings(
  option: LossScaleLike | undefined,
  precision: Precision,
  where: string,
): LossScaleSettings | null {
  if (option === undefined && precision !== 'mixed_float16') return null;
  const place = `option "lossScale" of ${where}`;
  if (typeof option === 'number') {
    // In float32 what is larger is infinite, and what is smaller is zero, or its inverse is infinite.
    if (option >= 2 ** -126 && option <= 2 ** 126) return { initial: option, dynamic: null };
  } else if (option === undefined || option === 'dynamic' || (typeof option === 'object' && option !== null)) {
    const given = typeof option === 'object' ? option : {};
    const { initial, ...dynamic } = parseOptions(LossScaleOptions, given, place);
    return { initial, dynamic };
  }
  throw new OptionsError('invalid-option', {
    where: place,
    expected: "'dynamic', a number above 0 that float32 holds, or { initial, growthFactor, backoff, growthInterval }",
    received: formatValue(option),
  });
}
