import { SetupError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import type { BaseMetric } from '../metrics/base-metric.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { Variable } from '../engine/variable.js';
import type { Logs } from './logs.js';
import { gatedAdd, type Gate } from './gate.js';

/** Sums of loss and metrics over batches, in variables: a step adds, the host reads when it wants a number. */
export class RunningSums {
  private readonly lossTotal: Variable;
  private readonly lossCount: Variable;
  private readonly sums: ReadonlyMap<BaseMetric, ReadonlyMap<string, Variable>>;

  /** Totals and counts of what a step logs besides. */
  private readonly logs: ReadonlyMap<string, { readonly total: Variable; readonly count: Variable }>;

  /**
   * @param name - prefix of the variables' names: `train`, `evaluate`
   * @param logs - names of what a step logs besides loss and metrics
   */
  constructor(
    name: string,
    private readonly metrics: readonly BaseMetric[],
    logs: readonly string[] = [],
  ) {
    for (const metric of metrics) checkSums(metric);
    const zero = tf.scalar(0);
    this.lossTotal = Variable.create(`${name}/loss/total`, zero);
    this.lossCount = Variable.create(`${name}/loss/count`, zero);
    this.sums = new Map(
      metrics.map((metric) => [
        metric,
        new Map(metric.sums.map((sum) => [sum, Variable.create(`${name}/${metric.name}/${sum}`, zero)])),
      ]),
    );
    this.logs = new Map(
      logs.map((log) => [
        log,
        { total: Variable.create(`${name}/${log}/total`, zero), count: Variable.create(`${name}/${log}/count`, zero) },
      ]),
    );
    zero.dispose();
  }

  /** Adds one batch; runs inside the step. */
  add(loss: Tensor, size: Tensor, labels: Tensor, predictions: Tensor, weight: Tensor | undefined, gate: Gate): void {
    gatedAdd(this.lossTotal, tf.mul(loss, size), gate);
    gatedAdd(this.lossCount, size, gate);
    for (const [metric, variables] of this.sums) {
      const measured = metric.measure(labels, predictions, weight);
      for (const [sum, variable] of variables) gatedAdd(variable, measured[sum]!, gate);
    }
  }

  /** Adds what a step logs besides, where it is finite; runs inside the step. */
  addLogs(logs: Readonly<Record<string, Tensor>>, size: Tensor, gate: Gate): void {
    for (const [name, { total, count }] of this.logs) {
      const value = logs[name];
      // A chain of transforms logs nothing about weights that are all frozen.
      if (value === undefined) continue;
      const finite = tf.isFinite(value);
      const counts = gate === null ? finite : tf.logicalAnd(gate, finite);
      gatedAdd(total, tf.mul(value, size), counts);
      gatedAdd(count, size, counts);
    }
  }

  /** Loss and metrics so far; NaN where no batch was added. */
  read(): Logs {
    const logs: Record<string, number> = { loss: scalarOf(this.lossTotal) / scalarOf(this.lossCount) };
    for (const metric of this.metrics) {
      const sums = [...this.sums.get(metric)!].map(([name, variable]) => [name, scalarOf(variable)] as const);
      logs[metric.name] = metric.result(Object.fromEntries(sums));
    }
    for (const [name, { total, count }] of this.logs) logs[name] = scalarOf(total) / scalarOf(count);
    return logs;
  }

  reset(): void {
    const zero = tf.scalar(0);
    for (const variable of this.variables()) variable.assign(zero);
    zero.dispose();
  }

  /** Every variable under a name that a file can keep. */
  entries(): [name: string, variable: Variable][] {
    return this.variables().map((variable) => [`sums/${variable.name}`, variable]);
  }

  dispose(): void {
    for (const variable of this.variables()) variable.dispose();
  }

  private variables(): Variable[] {
    return [
      this.lossTotal,
      this.lossCount,
      ...[...this.sums.values()].flatMap((group) => [...group.values()]),
      ...[...this.logs.values()].flatMap(({ total, count }) => [total, count]),
    ];
  }
}

function scalarOf(variable: Variable): number {
  const value = variable.read();
  const number = value.dataSync()[0]!;
  value.dispose();
  return number;
}

function checkSums(metric: BaseMetric): void {
  const { sums, name } = metric;
  const isList = Array.isArray(sums) && sums.length > 0 && sums.every((sum) => typeof sum === 'string' && sum !== '');
  if (isList && new Set(sums).size === sums.length) return;
  throw new SetupError('metric-sums', {
    where: `metric "${name}" (${metric.constructor.name})`,
    expected: "sums to be an array of different names, such as ['total', 'count']",
    received: formatValue(sums),
  });
}
