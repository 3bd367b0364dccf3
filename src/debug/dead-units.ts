import Table from 'cli-table3';
import { IsNumber, Max, Min } from 'class-validator';
import type { ProbeReading, ProbeRequest } from '../training/probe-contract.js';
import { Callback } from './declarations.js';
import type { Finding, SeenFinding } from './finding.js';
import { layerOf } from './layer-gradients.js';
import { ProbeMonitor, ProbeMonitorOptions } from './probe-monitor.js';
import { formatPercent } from './statistics.js';

/** Options of {@link DeadUnits}. */
export class DeadUnitsOptions extends ProbeMonitorOptions {
  /** Part of a layer's units, 0 to 1, that may be dead before it is said. Default 0.4. */
  @IsNumber()
  @Min(0)
  @Max(1)
  fraction = 0.4;
}

/** What {@link DeadUnits} found. */
export type DeadUnitsFinding = Finding<'dead-units'>;

/** What is known of one layer's units. */
export interface UnitActivity {
  readonly layer: string;
  readonly units: number;
  /** Indices of the units that fired for no example. */
  readonly dead: readonly number[];
  /** Part of examples and units, 0 to 1, at which the output was not zero in the latest measurement. */
  readonly activity: number;
}

/** Units in a message; more are not read. */
const NAMED = 8;

/**
 * Finds units that never fire: their output is exactly zero for every example of several measured batches.
 *
 * A unit is an index of the last axis, such as a filter of a convolution. Layers with weights are looked at, and layers
 * behind them that keep their units, such as an activation of its own.
 *
 * When to use: in nets with ReLU. A dead unit gets no gradient and stays dead; a high learning rate or a large negative bias
 * kills many. A unit that fires seldom is healthy: it only has to fire once in the last `confirmations` measured batches.
 *
 * Default: every 10 steps, 3 batches, said where 40 % of a layer are dead.
 *
 * @throws OptionsError [unknown-option | invalid-option]
 *
 * @example
 * ```ts
 * import { DeadUnits, initializers, layers, sequential, tf } from 'adjoint';
 *
 * const biasInitializer = initializers.constant({ value: -100 });
 * const model = sequential([layers.dense({ units: 4, activation: 'relu', biasInitializer }), layers.dense({ units: 1 })]);
 * model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
 * const units = new DeadUnits({ every: 1 });
 * await model.fit(tf.ones([32, 3]), tf.ones([32, 1]), { epochs: 4, verbose: 0, callbacks: [units] }); // warns
 * console.log(units.findings[0]!.evidence); // { dead: 4, units: 4, fraction: 1 }
 * model.dispose();
 * ```
 *
 * @see `docs/monitors.md`; Lu et al., "Dying ReLU and initialization" (2019), https://arxiv.org/abs/1903.06733
 */
@Callback('adjoint/dead-units', DeadUnitsOptions)
export class DeadUnits extends ProbeMonitor<DeadUnitsOptions, DeadUnitsFinding> {
  private weighted: ReadonlySet<string> = new Set();

  override get probeRequest(): ProbeRequest {
    return { every: this.options.every, layers: ['unitActivity'] };
  }

  /** The layers' units in the latest measurements, in the order of the forward pass. */
  get activity(): readonly UnitActivity[] {
    const recent = this.readings.slice(-this.options.confirmations);
    const latest = recent.at(-1);
    if (latest === undefined) return [];
    const found: (UnitActivity & { readonly fires: readonly boolean[] })[] = [];
    for (const [layer, { unitActivity: now }] of Object.entries(latest.layers)) {
      if (now === undefined) continue;
      const before = found.at(-1);
      const isOwn = this.weighted.has(layer);
      // What only passes units on, such as pooling, is counted where its units die there.
      if (!isOwn && before?.units !== now.length) continue;
      const fires = now.map((_, unit) => recent.some(({ layers }) => (layers[layer]?.unitActivity?.[unit] ?? 0) > 0));
      const dead = fires.flatMap((isAlive, unit) => (isAlive || (!isOwn && !before!.fires[unit]!) ? [] : [unit]));
      const activity = now.reduce((sum, part) => sum + part, 0) / now.length;
      if (isOwn || dead.length > 0) found.push({ layer, units: now.length, dead, activity, fires });
    }
    return found.map(({ layer, units, dead, activity }) => ({ layer, units, dead, activity }));
  }

  override table(): string {
    const table = new Table({
      head: ['layer', 'units', 'dead', 'part', 'activity'],
      colAligns: ['left', 'right', 'right', 'right', 'right'],
      style: { head: [], border: [], compact: true },
    });
    for (const { layer, units, dead, activity } of this.activity) {
      table.push([layer, units, dead.length, formatPercent(dead.length / units), formatPercent(activity)]);
    }
    const batches = Math.min(this.options.confirmations, this.readings.length);
    const when = batches === 1 ? 'the last measured batch' : `the last ${batches} measured batches`;
    return `units that did not fire in ${when}\n${table.toString()}`;
  }

  protected override judge(_reading: ProbeReading): SeenFinding<DeadUnitsFinding>[] {
    const paths = [...this.run.inspection.model.weightTree()].map(([path]) => layerOf(path));
    this.weighted = new Set(paths);
    const { confirmations, fraction } = this.options;
    if (this.readings.length < confirmations) return [];
    return this.activity.flatMap(({ layer, units, dead }) => {
      const part = dead.length / units;
      if (dead.length === 0 || part < fraction) return [];
      const some = dead.slice(0, NAMED).join(', ') + (dead.length > NAMED ? ', ...' : '');
      const message =
        `${dead.length} of ${units} units of "${layer}" (${formatPercent(part)}) were zero for every example of ` +
        `${confirmations} batches and learn nothing: ${some}`;
      return [{ kind: 'dead-units', where: layer, evidence: { dead: dead.length, units, fraction: part }, message }];
    });
  }
}
