import { IsIn, IsNumber, IsPositive } from 'class-validator';
import { parseOptions, type OptionsInput } from '../core/parse-options.js';
import { normal, truncatedNormal, uniform, type RngKey } from '../core/rng-key.js';
import { sizeOf } from '../core/shape.js';
import { computeFans } from './compute-fans.js';
import type { Initializer } from './initializer.js';
import { affine, NamedInitializer } from './named-initializer.js';

const FAN_MODES = ['fanIn', 'fanOut', 'fanAvg'] as const;
const DISTRIBUTIONS = ['truncatedNormal', 'untruncatedNormal', 'uniform'] as const;

/** Options of `initializers.varianceScaling`. */
export class VarianceScalingOptions {
  /** Numerator of the variance. Default 1. */
  @IsNumber()
  @IsPositive()
  scale = 1;

  /** Denominator of the variance: inputs, outputs, or the mean of the two. Default `fanIn`. */
  @IsIn(FAN_MODES)
  mode: (typeof FAN_MODES)[number] = 'fanIn';

  /** Form of the distribution. Default `truncatedNormal`. */
  @IsIn(DISTRIBUTIONS)
  distribution: (typeof DISTRIBUTIONS)[number] = 'truncatedNormal';
}

/** Standard deviation of a standard normal variable truncated to [-2, 2]: `scipy.stats.truncnorm.std(-2, 2)`. */
const TRUNCATED_DEVIATION = 0.87962566103423978;

/**
 * Draws a weight with mean 0 and a variance that keeps signals of one size from layer to layer.
 *
 * Formula: `variance = scale / fan`, where `fan` is the number of inputs of an output (`fanIn`), of outputs of an input
 * (`fanOut`) or the mean of both (`fanAvg`). The presets `glorot*`, `he*` and `lecun*` are special cases of it.
 *
 * @throws OptionsError where an option is unknown or out of its range
 *
 * @example
 * ```ts
 * import { initializers, layers } from 'adjoint';
 *
 * const kernelInitializer = initializers.varianceScaling({ scale: 2, mode: 'fanOut', distribution: 'uniform' });
 * console.log(layers.dense({ units: 4, kernelInitializer }).name); // dense
 * ```
 *
 * @see https://keras.io/api/layers/initializers/#variancescaling-class
 */
export function varianceScaling(options?: OptionsInput<VarianceScalingOptions>): Initializer {
  const { scale, mode, distribution } = parseOptions(VarianceScalingOptions, options, 'initializer varianceScaling');
  return new NamedInitializer('varianceScaling', { scale, mode, distribution }, (shape, key) =>
    drawWithVariance({ scale, mode, distribution }, shape, key),
  );
}

/** A preset of `varianceScaling` under a name of its own. */
export function varianceScalingPreset(
  name: string,
  scale: number,
  mode: VarianceScalingOptions['mode'],
  distribution: VarianceScalingOptions['distribution'],
): Initializer {
  return new NamedInitializer(name, {}, (shape, key) => drawWithVariance({ scale, mode, distribution }, shape, key));
}

function drawWithVariance(options: VarianceScalingOptions, shape: readonly number[], key: RngKey): Float32Array {
  const { fanIn, fanOut } = computeFans(shape);
  const fan = { fanIn, fanOut, fanAvg: (fanIn + fanOut) / 2 }[options.mode];
  const variance = options.scale / Math.max(1, fan);
  const count = sizeOf(shape);
  switch (options.distribution) {
    case 'truncatedNormal':
      return affine(truncatedNormal(key, count), Math.sqrt(variance) / TRUNCATED_DEVIATION, 0);
    case 'untruncatedNormal':
      return affine(normal(key, count), Math.sqrt(variance), 0);
    case 'uniform': {
      const limit = Math.sqrt(3 * variance);
      return affine(uniform(key, count), 2 * limit, -limit);
    }
  }
}
