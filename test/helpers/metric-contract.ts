import { describe, expect, it } from '@jest/globals';
import { optionsClassOf } from '../../src/core/declaration.js';
import { optionNames } from '../../src/core/parse-options.js';
import { RecordedFunction } from '../../src/engine/record/recorded-function.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import type { BaseMetric } from '../../src/metrics/base-metric.js';
import type { MetricOptions } from '../../src/metrics/metric-options.js';
import { expectSameNumbers } from './recording.js';

/** Sums of a few float32 terms, in one order and in another. */
const SUM_TOLERANCE = 6;

export interface MetricCase<O extends MetricOptions> {
  readonly name: string;
  readonly options?: Partial<O>;
  /** `[4, ...]`: four examples. */
  readonly labels: () => Tensor;
  /** `[4, ...]`. */
  readonly predictions: () => Tensor;
  /** The value of each of the four examples. */
  readonly values: readonly [number, number, number, number];
}

export interface MetricContract<O extends MetricOptions> {
  /** Every option with a valid value that is not its default. */
  readonly options: { readonly [K in keyof Required<O>]: O[K] };
  /** For every option, values that must be refused. */
  readonly refused: { readonly [K in keyof Required<O>]: readonly unknown[] };
  readonly cases: readonly MetricCase<O>[];
}

/** What every metric must do; called once per class, inside a test file with a running engine. */
export function metricContract<O extends MetricOptions>(
  metricClass: new (options?: Partial<O>) => BaseMetric<O>,
  contract: MetricContract<O>,
): void {
  const { name } = metricClass;

  describe(`${name}: options`, () => {
    it('come back as they were given, also through JSON', () => {
      for (const given of [{}, contract.options] as Partial<O>[]) {
        const { options } = new metricClass(given);
        expect({ ...options }).toEqual({ ...new metricClass().options, ...given });
        const again = new metricClass(JSON.parse(JSON.stringify(options)) as Partial<O>);
        expect({ ...again.options }).toEqual({ ...options });
      }
    });

    it('are refused by name, each of them', () => {
      expect(Object.keys(contract.refused).sort()).toEqual([...optionNames(optionsClassOf(metricClass))].sort());
      for (const [field, values] of Object.entries(contract.refused) as [string, readonly unknown[]][]) {
        for (const value of values) {
          const make = () => new metricClass({ [field]: value } as unknown as Partial<O>);
          expect(make).toThrow(`[invalid-option] option "${field}" of metric ${name}`);
        }
      }
    });

    it('name it in logs', () => {
      expect(new metricClass({ name: 'mine' } as Partial<O>).name).toBe('mine');
    });
  });

  describe.each(contract.cases.map((one) => [one.name, one] as const))(`${name}: %s`, (_, one) => {
    const metric = () => new metricClass(one.options);
    const mean = (values: readonly number[], weights: readonly number[]) =>
      values.reduce((sum, value, i) => sum + value * weights[i]!, 0) / weights.reduce((a, b) => a + b, 0);

    it('is the weighted mean of its examples', () => {
      tf.tidy(() => {
        const [labels, predictions] = [one.labels(), one.predictions()];
        expect(metric().evaluate(labels, predictions)).toBeCloseTo(mean(one.values, [1, 1, 1, 1]), SUM_TOLERANCE);
        const weights = [0.5, 0, 2, 1];
        const weighted = metric().evaluate(labels, predictions, tf.tensor1d(weights));
        expect(weighted).toBeCloseTo(mean(one.values, weights), SUM_TOLERANCE);
      });
    });

    it('is right over uneven batches', () => {
      tf.tidy(() => {
        const one4 = metric();
        const totals: Record<string, number> = Object.fromEntries(one4.sums.map((sum) => [sum, 0]));
        for (const [start, size] of [
          [0, 3],
          [3, 1],
        ] as const) {
          const rows = (t: Tensor) =>
            tf.slice(t, [start, ...t.shape.slice(1).map(() => 0)], [size, ...t.shape.slice(1)]);
          const measured = one4.measure(rows(one.labels()), rows(one.predictions()));
          for (const sum of one4.sums) {
            expect([measured[sum]!.shape, measured[sum]!.dtype]).toEqual([[], 'float32']);
            totals[sum]! += measured[sum]!.dataSync()[0]!;
          }
        }
        expect(one4.result(totals)).toBeCloseTo(mean(one.values, [1, 1, 1, 1]), SUM_TOLERANCE);
      });
    });

    it('recorded gives the sums that it gives eagerly', async () => {
      const inputs = [one.labels(), one.predictions(), tf.tensor1d([0.5, 0, 2, 1])] as const;
      const [labels, predictions, weights] = inputs;
      const { sums } = metric();
      const measure = (): Tensor[] =>
        tf.tidy(() => {
          const measured = metric().measure(labels, predictions, weights);
          return sums.map((sum) => measured[sum]!);
        });
      const eager = measure();
      const recorded = RecordedFunction.record('metric', inputs, measure);
      const outputs = await recorded.call(inputs);
      expect(outputs).toHaveLength(sums.length);
      for (const [i, output] of outputs.entries()) expectSameNumbers(output, eager[i]!);
      recorded.dispose();
      tf.dispose([...inputs, ...eager, ...outputs]);
    });

    it('leaves no tensor behind but its sums', () => {
      const [labels, predictions] = [one.labels(), one.predictions()];
      const before = tf.memory().numTensors;
      const measured = metric().measure(labels, predictions);
      expect(tf.memory().numTensors).toBe(before + metric().sums.length);
      metric().evaluate(labels, predictions);
      expect(tf.memory().numTensors).toBe(before + metric().sums.length);
      tf.dispose([labels, predictions, measured]);
    });

    it('refuses sample weights of another shape', () => {
      tf.tidy(() => {
        const measure = () => metric().measure(one.labels(), one.predictions(), tf.ones([4, 1]));
        expect(measure).toThrow('[sample-weight]');
      });
    });
  });
}
