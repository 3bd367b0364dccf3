import { IsInt, Min } from 'class-validator';
import { BaseCallback } from '../callbacks/callback.js';
import type { ProbeReading, ProbeRequest } from '../training/probe-contract.js';
import { Callback } from './declarations.js';
import { formatNumber } from './statistics.js';

/** Options of {@link GradientNoiseScale}. */
export class GradientNoiseScaleOptions {
  /** Every how many steps is measured; a measured step takes about twice as long. Default 10. */
  @IsInt()
  @Min(1)
  every = 10;

  /** Into how many parts a batch is split, 2 or more. Default 4. */
  @IsInt()
  @Min(2)
  parts = 4;
}

/**
 * Measures how noisy gradients are, and from which batch size on larger batches buy little.
 *
 * Formula: with `n` parts of `m` examples in a batch of `B = n m`, and the squared norms of the parts' gradients (their
 * mean, `p`) and of the whole batch's (`b`), unbiased estimates are `|G|^2 = (B b - m p) / (B - m)` for the squared norm
 * of the true gradient, and `S = (p - b) / (1/m - 1/B)` for the summed variance of one example's gradient. A batch of `m`
 * examples has a gradient of variance `S / m`. The simple noise scale is `S / |G|^2`, each averaged over all measurements
 * first.
 *
 * When to use: to choose a batch size. Far below the noise scale, twice the batch halves the number of steps; far above it,
 * more examples a step only cost time. It grows while the loss falls, so measure again later in training.
 *
 * The loss has to be a mean over examples, which it is by default. Layers that mix the examples of a batch, such as
 * BatchNormalization, distort the measure a little. A model with a `trainStep` of its own cannot be measured: what it makes
 * of a part of a batch is not known; a warning says so at the first step, and `noiseScale` stays NaN.
 *
 * Default: every 10 steps, 4 parts.
 *
 * @throws OptionsError [unknown-option | invalid-option]
 *
 * @example
 * ```ts
 * import { GradientNoiseScale, layers, sequential, tf } from 'adjoint';
 *
 * const x = tf.randomNormal([512, 3], 0, 1, 'float32', 1);
 * const y = tf.add(tf.sum(x, 1, true), tf.randomNormal([512, 1], 0, 1, 'float32', 2));
 * const model = sequential([layers.dense({ units: 1 })]);
 * model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
 * const noise = new GradientNoiseScale({ every: 1 });
 * await model.fit(x, y, { batchSize: 32, verbose: 0, callbacks: [noise] });
 * console.log(noise.sentence);
 * model.dispose();
 * tf.dispose([x, y]);
 * ```
 *
 * @see McCandlish, Kaplan, Amodei, "An empirical model of large-batch training" (2018), https://arxiv.org/abs/1812.06162
 */
@Callback('adjoint/gradient-noise-scale', GradientNoiseScaleOptions)
export class GradientNoiseScale extends BaseCallback<GradientNoiseScaleOptions> {
  /** Measurements of the latest run. */
  measurements = 0;
  private gradientSum = 0;
  private varianceSum = 0;
  private batchSize = 0;
  /** It was its turn, whatever came of it. */
  private wasProbed = false;
  /** That the first probed step could not be measured. */
  private isTold = false;

  override get probeRequest(): ProbeRequest {
    return { every: this.options.every, microBatches: this.options.parts };
  }

  /** Estimate of the squared L2 norm of the gradient over all examples; NaN before there is one. */
  get gradientSquaredNorm(): number {
    return this.measurements === 0 ? NaN : this.gradientSum / this.measurements;
  }

  /** Estimate of the variance of one example's gradient, summed over its elements; a batch of `m` has `1/m` of it. */
  get exampleVariance(): number {
    return this.measurements === 0 ? NaN : this.varianceSum / this.measurements;
  }

  /** The simple noise scale, in examples; infinite where no gradient is seen for the noise, NaN before there is one. */
  get noiseScale(): number {
    const { gradientSquaredNorm: gradient, exampleVariance: variance } = this;
    if (Number.isNaN(gradient) || Number.isNaN(variance)) return NaN;
    return gradient <= 0 ? Infinity : Math.max(0, variance) / gradient;
  }

  /** What the noise scale means for the batch size. */
  get sentence(): string {
    const { noiseScale, batchSize, measurements } = this;
    if (Number.isNaN(noiseScale)) {
      return (
        `no noise scale yet: a batch needs ${this.options.parts} examples or more (parts), a finite gradient, and a model ` +
        `without a trainStep of its own`
      );
    }
    const seen = `${measurements} measurement${measurements === 1 ? '' : 's'} at batch size ${batchSize}`;
    if (noiseScale === Infinity) return `the gradient is not seen for its noise (${seen}): larger batches pay`;
    const examples = Math.max(1, Math.round(noiseScale));
    return (
      `noise scale ${formatNumber(noiseScale)} (${seen}): batch sizes above ${examples} buy little; ` +
      `variance of a gradient of ${batchSize} examples ${formatNumber(this.exampleVariance / batchSize)}, ` +
      `squared norm ${formatNumber(this.gradientSquaredNorm)}`
    );
  }

  override onTrainBegin(): void {
    this.measurements = 0;
    this.gradientSum = 0;
    this.varianceSum = 0;
    this.batchSize = 0;
    this.wasProbed = false;
    this.isTold = false;
  }

  override onProbe({ noise }: ProbeReading): void {
    if (noise === undefined && !this.wasProbed) {
      this.isTold = true;
      this.run.logger.warn(`${this.name}: ${this.sentence}`);
    }
    this.wasProbed = true;
    // Another callback may have asked for other parts; what counts is what was measured.
    if (noise === undefined || noise.parts < 2) return;
    const { parts, partSize, partSquaredNorm, meanSquaredNorm } = noise;
    const size = parts * partSize;
    if (!Number.isFinite(partSquaredNorm) || !Number.isFinite(meanSquaredNorm)) return;
    this.measurements += 1;
    this.batchSize = size;
    this.gradientSum += (size * meanSquaredNorm - partSize * partSquaredNorm) / (size - partSize);
    this.varianceSum += (partSquaredNorm - meanSquaredNorm) / (1 / partSize - 1 / size);
  }

  override onTrainEnd(): void {
    const isNews = this.wasProbed && !(this.isTold && this.measurements === 0);
    if (this.run.verbose !== 0 && isNews) this.run.logger.info(`${this.name}: ${this.sentence}`);
  }
}
