import Table from 'cli-table3';
import { IsBoolean, IsNumber, Max, Min } from 'class-validator';
import type { ProbeReading, ProbeRequest } from '../training/probe-contract.js';
import { Callback } from './declarations.js';
import type { Finding, SeenFinding } from './finding.js';
import { ProbeMonitor, ProbeMonitorOptions } from './probe-monitor.js';
import { formatPercent, median } from './statistics.js';

/** Options of {@link SaturationMonitor}. */
export class SaturationMonitorOptions extends ProbeMonitorOptions {
  /** Part of a layer's outputs, 0 to 1, in the flat part of its activation from which on it counts as saturated. Default 0.5. */
  @IsNumber()
  @Min(0)
  @Max(1)
  fraction = 0.5;

  /** Whether the last such layer is judged, too: of a classifier that is sure of itself it saturates. Default false. */
  @IsBoolean()
  outputLayer = false;
}

/** What {@link SaturationMonitor} found. */
export type SaturationFinding = Finding<'saturated'>;

/**
 * Finds layers whose sigmoid or tanh lies in its flat part, where next to no gradient comes through.
 *
 * Formula: the part of the outputs that are within 1 % of the way between the bounds from one of them, such as above 0.99
 * for a sigmoid; the slope there is
 * below 4 % of its steepest.
 *
 * When to use: in nets with `sigmoid` or `tanh` between their layers; layers without such an activation are not measured.
 * Inputs that are not normalised and initial weights that are too large saturate a net from the first step on.
 *
 * Default: every 10 steps, said where half of a layer's outputs were saturated in 3 measurements; the last such layer is not judged.
 *
 * @throws OptionsError [unknown-option | invalid-option]
 *
 * @example
 * ```ts
 * import { layers, SaturationMonitor, sequential, tf } from 'adjoint';
 *
 * const model = sequential([layers.dense({ units: 8, activation: 'tanh' }), layers.dense({ units: 1 })]);
 * model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
 * const monitor = new SaturationMonitor({ every: 1 });
 * const x = tf.mul(1000, tf.ones([32, 3])); // nobody has normalised these
 * await model.fit(x, tf.ones([32, 1]), { epochs: 4, verbose: 0, callbacks: [monitor] }); // warns
 * console.log(monitor.findings[0]!.where); // dense
 * model.dispose();
 * ```
 *
 * @see `docs/monitors.md`; Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks"
 * (2010), https://proceedings.mlr.press/v9/glorot10a.html
 */
@Callback('adjoint/saturation-monitor', SaturationMonitorOptions)
export class SaturationMonitor extends ProbeMonitor<SaturationMonitorOptions, SaturationFinding> {
  override get probeRequest(): ProbeRequest {
    return { every: this.options.every, layers: ['saturation', 'mean'] };
  }

  override table(): string {
    const table = new Table({
      head: ['layer', 'saturated'],
      colAligns: ['left', 'right'],
      style: { head: [], border: [], compact: true },
    });
    const parts = saturations(this.readings.at(-1));
    if (parts.size === 0) return 'no layer has sigmoid or tanh as its activation, so nothing is measured';
    for (const [layer, part] of parts) table.push([layer, formatPercent(part)]);
    return `outputs in the flat part of their activation\n${table.toString()}`;
  }

  protected override judge(reading: ProbeReading): SeenFinding<SaturationFinding>[] {
    const { confirmations, fraction, outputLayer } = this.options;
    const recent = this.readings.slice(-confirmations).map(saturations);
    if (recent.length < confirmations) return [];
    const isOutput = (layer: string): boolean => layer === Object.keys(reading.layers).at(-1);
    return [...saturations(reading)].flatMap(([layer]) => {
      const parts = recent.map((reading) => reading.get(layer) ?? 0);
      if (parts.some((part) => part < fraction) || (isOutput(layer) && !outputLayer)) return [];
      const part = median(parts);
      const message =
        `${formatPercent(part)} of the outputs of "${layer}" lie in the flat part of its activation, where hardly any ` +
        `gradient comes through`;
      return [{ kind: 'saturated', where: layer, evidence: { fraction: part, readings: confirmations }, message }];
    });
  }
}

function saturations(reading: ProbeReading | undefined): Map<string, number> {
  const entries = Object.entries(reading?.layers ?? {});
  return new Map(entries.flatMap(([layer, { saturation }]) => (saturation === undefined ? [] : [[layer, saturation]])));
}
