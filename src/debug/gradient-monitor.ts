import Table from 'cli-table3';
import { IsNumber, Max, Min } from 'class-validator';
import { explainMissingGradients, type MissingGradient } from '../training/explain-missing-gradient.js';
import type { ProbeReading, ProbeRequest } from '../training/probe-contract.js';
import { Callback } from './declarations.js';
import type { SeenFinding } from './finding.js';
import { judgeGradients, zeroGradients, type GradientFinding } from './gradient-rules.js';
import { globalNorm, layerGradients } from './layer-gradients.js';
import { ProbeMonitor, ProbeMonitorOptions } from './probe-monitor.js';
import { formatNumber, formatPercent } from './statistics.js';

/** Options of {@link GradientMonitor}. */
export class GradientMonitorOptions extends ProbeMonitorOptions {
  /** Gradients vanish where those of the first third of the layers are less than so many of the last third's. Default 1e-3. */
  @IsNumber()
  @Min(0)
  @Max(1)
  vanishingRatio = 1e-3;

  /** L2 norm of all gradients of a step from which on they explode. Default 1000. */
  @IsNumber()
  @Min(0)
  explodingNorm = 1000;

  /** A spike is a gradient norm of so many times the running median. Default 10. */
  @IsNumber()
  @Min(1)
  spikeFactor = 10;
}

/**
 * Watches the gradients of every layer, and says where they vanish, explode, jump, are zero, or are missing, and why.
 *
 * Formula: the norm of a layer is `sqrt(sum of squares of all gradients of its weights)`, unscaled and before clipping; the
 * early/late ratio is the median norm of the first third of the layers by that of the last third.
 *
 * When to use: in every first run of a new model; every tenth step costs little. A weight without any gradient is looked
 * into at once: it is not used, or cut off by `stopGradient`, by an op without derivative or by a value that was read on the
 * host, which is named with layer, file and line.
 *
 * Each finding is logged once, as a warning; `findings` and `readings` hold the numbers. `table()` shows the latest.
 *
 * @throws OptionsError [unknown-option | invalid-option]
 *
 * @example
 * ```ts
 * import { GradientMonitor, layers, sequential, tf } from 'adjoint';
 *
 * const model = sequential([layers.dense({ units: 8, activation: 'tanh' }), layers.dense({ units: 1 })]);
 * model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
 * const monitor = new GradientMonitor({ every: 1 });
 * await model.fit(tf.ones([32, 4]), tf.ones([32, 1]), { epochs: 3, batchSize: 16, verbose: 0, callbacks: [monitor] });
 * console.log(monitor.table());
 * console.log(monitor.findings.length); // 0
 * model.dispose();
 * ```
 *
 * @see `docs/monitors.md`; Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks"
 * (2010), https://proceedings.mlr.press/v9/glorot10a.html
 */
@Callback('adjoint/gradient-monitor', GradientMonitorOptions)
export class GradientMonitor extends ProbeMonitor<GradientMonitorOptions, GradientFinding> {
  private readonly sizes = new Map<string, number>();
  /** Weights that were looked into, and what came of it. */
  private readonly causes = new Map<string, MissingGradient | undefined>();

  override get probeRequest(): ProbeRequest {
    const { every } = this.options;
    return {
      every,
      weights: ['gradientNorm', 'gradientMax', 'zeroFraction', 'nonFinite', 'weightNorm', 'updateRatio'],
    };
  }

  override onTrainBegin(): void {
    super.onTrainBegin();
    this.causes.clear();
  }

  /** The latest measurement, a row a layer in the order of the weights. */
  override table(): string {
    const reading = this.readings.at(-1);
    if (reading === undefined) return 'GradientMonitor has measured nothing yet';
    const table = new Table({
      head: ['layer', 'gradient norm', 'largest', 'weight norm', 'update', 'zeros', 'NaN/Inf'],
      colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'right'],
      style: { head: [], border: [], compact: true },
    });
    for (const row of layerGradients(reading, this.sizes)) {
      const { layer, gradientNorm, gradientMax, weightNorm, updateRatio, zeroFraction, nonFinite } = row;
      table.push([
        layer === '' ? '(model)' : layer,
        ...[gradientNorm, gradientMax, weightNorm].map(formatNumber),
        Number.isNaN(updateRatio) ? '-' : formatNumber(updateRatio),
        formatPercent(zeroFraction),
        String(nonFinite),
      ]);
    }
    for (const path of reading.withoutGradient) table.push([path, 'none', '', '', '', '', '']);
    const norm = formatNumber(globalNorm(reading));
    return `Gradients at step ${reading.totalSteps}, loss ${formatNumber(reading.loss)}, norm ${norm}\n${table.toString()}`;
  }

  protected override judge(reading: ProbeReading): SeenFinding<GradientFinding>[] {
    const { model, plan } = this.run.inspection;
    for (const [path, { handle }] of model.weightTree())
      this.sizes.set(
        path,
        handle.shape.reduce((a, b) => a * b, 1),
      );
    const scaled = plan.lossScale !== null;
    return [
      ...this.missing(reading),
      ...this.zero(),
      ...judgeGradients(this.readings, this.sizes, this.options, scaled),
    ];
  }

  private missing({ withoutGradient }: ProbeReading): SeenFinding<GradientFinding>[] {
    return withoutGradient.map((path) => {
      const cause = this.cause(path, withoutGradient);
      const message = `no gradient by ${cause?.message ?? `${path}: the loss does not depend on it`}`;
      return { kind: 'no-gradient', where: path, evidence: {}, message, ...(cause && { cause }) };
    });
  }

  private zero(): SeenFinding<GradientFinding>[] {
    const { confirmations } = this.options;
    const paths = zeroGradients(this.readings, confirmations);
    return paths.map((path) => {
      const cause = this.cause(path, paths);
      const text = `all elements were zero in ${confirmations} measurements, as behind units that are dead or saturated`;
      const message = `zero gradient by ${cause?.message ?? `${path}: ${text}`}`;
      return {
        kind: 'zero-gradients',
        where: path,
        evidence: { readings: confirmations, elements: this.sizes.get(path) ?? NaN },
        message,
        ...(cause && { cause }),
      };
    });
  }

  /** Each weight is looked into once: the forward pass is run for it. */
  private cause(path: string, paths: readonly string[]): MissingGradient | undefined {
    if (!this.causes.has(path)) {
      const { model, plan, state, batches } = this.run.inspection;
      const open = paths.filter((other) => !this.causes.has(other));
      const found = batches.length === 0 ? [] : explainMissingGradients(model, plan, state, batches.at(-1)!, open);
      for (const other of open) {
        this.causes.set(
          other,
          found.find(({ weight }) => weight === other),
        );
      }
    }
    return this.causes.get(path);
  }
}
