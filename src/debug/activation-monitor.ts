import Table from 'cli-table3';
import { IsNumber, Min } from 'class-validator';
import type { LayerReading, ProbeReading, ProbeRequest } from '../training/probe-contract.js';
import { Callback } from './declarations.js';
import type { Finding, SeenFinding } from './finding.js';
import { ProbeMonitor, ProbeMonitorOptions } from './probe-monitor.js';
import { formatNumber, formatPercent, median } from './statistics.js';

/** Options of {@link ActivationMonitor}. */
export class ActivationMonitorOptions extends ProbeMonitorOptions {
  /** How many times its first standard deviation a layer's may become, or how small a part of it. Default 100. */
  @IsNumber()
  @Min(1)
  spreadFactor = 100;

  /** By how many of its first standard deviations a layer's mean may move. Default 30. */
  @IsNumber()
  @Min(0)
  shift = 30;
}

/** How outputs can go astray. */
export type ActivationFindingKind = 'not-finite' | 'spread-grew' | 'spread-shrank' | 'mean-moved' | 'zeros-grew';

/** What {@link ActivationMonitor} found. */
export type ActivationFinding = Finding<ActivationFindingKind>;

/** A layer that has come to give so many zeros, from less than the first number, passes nothing on. */
const ZEROS = { before: 0.9, after: 0.99 };

/** A layer's numbers, as medians of some readings. */
interface Spread {
  readonly mean: number;
  readonly deviation: number;
  readonly zeros: number;
}

/**
 * Watches mean, standard deviation and zeros of every layer's outputs, and says where they drift off from where they began.
 *
 * When to use: where training gets worse after a good start: outputs that grow without bound, collapse to a constant, or
 * become all zeros, before the loss tells.
 *
 * Default: every 10 steps; the median of the last 3 measurements is compared with that of the first 3. Said is a standard
 * deviation beyond 100 times or below 1/100 of the first, a mean that moved by 30 standard deviations, 99 % zeros where there
 * were less than 90 %, and outputs that are not finite at once.
 *
 * @throws OptionsError [unknown-option | invalid-option]
 *
 * @example
 * ```ts
 * import { ActivationMonitor, layers, sequential, tf } from 'adjoint';
 *
 * const model = sequential([layers.dense({ units: 8, activation: 'tanh' }), layers.dense({ units: 1 })]);
 * model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
 * const monitor = new ActivationMonitor({ every: 1 });
 * await model.fit(tf.ones([32, 4]), tf.ones([32, 1]), { epochs: 4, batchSize: 16, verbose: 0, callbacks: [monitor] });
 * console.log(monitor.table());
 * model.dispose();
 * ```
 *
 * @see `docs/monitors.md`
 */
@Callback('adjoint/activation-monitor', ActivationMonitorOptions)
export class ActivationMonitor extends ProbeMonitor<ActivationMonitorOptions, ActivationFinding> {
  override get probeRequest(): ProbeRequest {
    return { every: this.options.every, layers: ['mean', 'standardDeviation', 'zeroFraction', 'nonFinite'] };
  }

  override table(): string {
    const table = new Table({
      head: ['layer', 'mean', 'standard deviation', 'zeros', 'NaN/Inf', 'first mean', 'first deviation'],
      colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'right'],
      style: { head: [], border: [], compact: true },
    });
    const [first, latest] = [this.readings[0]?.layers ?? {}, this.readings.at(-1)?.layers ?? {}];
    for (const [layer, { mean, standardDeviation, zeroFraction, nonFinite }] of Object.entries(latest)) {
      const numbers = [mean, standardDeviation].map((value = NaN) => formatNumber(value));
      const before = [first[layer]?.mean, first[layer]?.standardDeviation].map((value = NaN) => formatNumber(value));
      table.push([layer, ...numbers, formatPercent(zeroFraction ?? NaN), String(nonFinite ?? 0), ...before]);
    }
    return `outputs of the layers\n${table.toString()}`;
  }

  protected override judge(reading: ProbeReading): SeenFinding<ActivationFinding>[] {
    const seen: SeenFinding<ActivationFinding>[] = Object.entries(reading.layers).flatMap(
      ([layer, { nonFinite = 0 }]) => {
        if (nonFinite === 0) return [];
        const message = `${nonFinite} outputs of "${layer}" are NaN or infinite`;
        return [{ kind: 'not-finite' as const, where: layer, evidence: { nonFinite }, message }];
      },
    );
    const { confirmations } = this.options;
    // The first and the last must be apart.
    if (seen.length > 0 || this.readings.length < 2 * confirmations) return seen;
    return Object.keys(reading.layers).flatMap((layer) => {
      const now = spreadOf(layer, this.readings.slice(-confirmations));
      return this.drift(layer, spreadOf(layer, this.readings.slice(0, confirmations)), now);
    });
  }

  private drift(layer: string, before: Spread, now: Spread): SeenFinding<ActivationFinding>[] {
    const { spreadFactor, shift } = this.options;
    const ratio = now.deviation / before.deviation;
    const moved = Math.abs(now.mean - before.mean) / before.deviation;
    const spread = `standard deviation of "${layer}" went from ${formatNumber(before.deviation)} to ${formatNumber(now.deviation)}`;
    const evidence = {
      mean: now.mean,
      firstMean: before.mean,
      standardDeviation: now.deviation,
      firstStandardDeviation: before.deviation,
      zeroFraction: now.zeros,
    };
    const found = (kind: ActivationFindingKind, message: string) => [{ kind, where: layer, evidence, message }];
    // All alike from the beginning, as behind inputs that are: nothing to compare with.
    if (before.deviation === 0) return [];
    if (ratio > spreadFactor) return found('spread-grew', `the ${spread}`);
    if (before.zeros < ZEROS.before && now.zeros > ZEROS.after) {
      return found('zeros-grew', `${formatPercent(now.zeros)} of the outputs of "${layer}" are zero`);
    }
    if (ratio < 1 / spreadFactor) return found('spread-shrank', `the ${spread}: its outputs are next to constant`);
    if (moved > shift) {
      const means = `from ${formatNumber(before.mean)} to ${formatNumber(now.mean)}`;
      return found('mean-moved', `the mean of "${layer}" went ${means}, ${formatNumber(moved)} standard deviations`);
    }
    return [];
  }
}

function spreadOf(layer: string, readings: readonly ProbeReading[]): Spread {
  const of = (value: (reading: LayerReading) => number | undefined): number =>
    median(readings.flatMap(({ layers }) => (layers[layer] && value(layers[layer])) ?? []));
  return {
    mean: of(({ mean }) => mean),
    deviation: of(({ standardDeviation }) => standardDeviation),
    zeros: of(({ zeroFraction }) => zeroFraction),
  };
}
