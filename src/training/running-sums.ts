import { SetupError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import type { BaseMetric } from '../metrics/base-metric.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { Variable } from '../engine/variable.js';
import type { Logs } from './callback-contract.js';
import { gatedAdd, type Gate } from './gate.js';

/** Sums of loss and metrics over batches, in variables: a step adds, the host reads when it wants a number. */
export class RunningSums {
  private readonly lossTotal: Variable;
  private readonly lossCount: Variable;
  private readonly sums: ReadonlyMap<BaseMetric, ReadonlyMap<string, Variable>>;

  /** @param name - prefix of the variables' names: `train`, `evaluate` */
  constructor(
    name: string,
    private readonly metrics: readonly BaseMetric[],
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

  /** Loss and metrics so far; NaN where no batch was added. */
  read(): Logs {
    const logs: Record<string, number> = { loss: scalarOf(this.lossTotal) / scalarOf(this.lossCount) };
    for (const metric of this.metrics) {
      const sums = [...this.sums.get(metric)!].map(([name, variable]) => [name, scalarOf(variable)] as const);
      logs[metric.name] = metric.result(Object.fromEntries(sums));
    }
    return logs;
  }

  reset(): void {
    const zero = tf.scalar(0);
    for (const variable of this.variables()) variable.assign(zero);
    zero.dispose();
  }

  dispose(): void {
    for (const variable of this.variables()) variable.dispose();
  }

  private variables(): Variable[] {
    return [this.lossTotal, this.lossCount, ...[...this.sums.values()].flatMap((group) => [...group.values()])];
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
