import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { valueAndGradients } from '../../src/autodiff/value-and-gradients.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { lossTable } from '../../src/losses/loss-table.js';
import type { LossReduction } from '../../src/losses/loss-options.js';
import { metricTable } from '../../src/metrics/metric-table.js';
import { useTestEngine } from '../helpers/engine.js';

/** Digits after the point that float32 keeps when the same formula is rounded in another order. */
const DIGITS = 5;

interface PlainTensor {
  shape: number[];
  dtype: 'float32' | 'int32';
  values: number[];
}
interface Golden {
  losses: {
    loss: string;
    options: object;
    labels: PlainTensor;
    predictions: PlainTensor;
    sampleWeight: PlainTensor;
    none: PlainTensor;
    gradient: PlainTensor;
    reduced: Record<LossReduction, [plain: number, weighted: number]>;
  }[];
  metrics: {
    metric: string;
    options: object;
    labels: PlainTensor;
    predictions: PlainTensor;
    sampleWeight: PlainTensor;
    results: [plain: number, weighted: number];
  }[];
}

const golden = JSON.parse(readFileSync('test/golden/losses.json', 'utf8')) as Golden;
const tensor = ({ values, shape, dtype }: PlainTensor) => tf.tensor(values, shape, dtype);
const byClassName = <T extends { name: string }>(table: Readonly<Record<string, T>>, name: string): T =>
  Object.values(table).find((entry) => entry.name === name)!;

function expectClose(actual: Tensor, expected: PlainTensor): void {
  expect(actual.shape).toEqual(expected.shape);
  for (const [i, value] of actual.dataSync().entries()) expect(value).toBeCloseTo(expected.values[i]!, DIGITS);
}

describe('Keras computes the same', () => {
  useTestEngine();

  it.each(golden.losses.map((one) => [one.loss, JSON.stringify(one.options), one] as const))(
    '%s %s',
    (name, _, one) => {
      tf.tidy(() => {
        const lossClass = byClassName(lossTable, name);
        const [labels, predictions, weight] = [one.labels, one.predictions, one.sampleWeight].map(tensor) as [
          Tensor,
          Tensor,
          Tensor,
        ];
        const loss = (reduction: LossReduction) => new lossClass({ ...one.options, reduction });
        expectClose(loss('none').compute(labels, predictions), one.none);
        for (const [reduction, [plain, weighted]] of Object.entries(one.reduced) as [
          LossReduction,
          [number, number],
        ][]) {
          expect(loss(reduction).compute(labels, predictions).dataSync()[0]).toBeCloseTo(plain, DIGITS);
          expect(loss(reduction).compute(labels, predictions, weight).dataSync()[0]).toBeCloseTo(weighted, DIGITS);
        }
        const compute = () => loss('sumOverBatchSize').compute(labels, predictions);
        expectClose(valueAndGradients(compute, [predictions]).gradients[0]!, one.gradient);
      });
    },
  );

  it.each(golden.metrics.map((one) => [one.metric, JSON.stringify(one.options), one] as const))(
    '%s %s',
    (name, _, one) => {
      tf.tidy(() => {
        const metric = new (byClassName(metricTable, name))(one.options);
        const [labels, predictions, weight] = [one.labels, one.predictions, one.sampleWeight].map(tensor) as [
          Tensor,
          Tensor,
          Tensor,
        ];
        expect(metric.evaluate(labels, predictions)).toBeCloseTo(one.results[0], DIGITS);
        expect(metric.evaluate(labels, predictions, weight)).toBeCloseTo(one.results[1], DIGITS);
      });
    },
  );
});
