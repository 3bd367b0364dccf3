import { describe, expect, it } from '@jest/globals';
import { valueAndGradients } from '../../src/autodiff/value-and-gradients.js';
import { logitsOf } from '../../src/autodiff/logits-origin.js';
import { optionsClassOf } from '../../src/core/declaration.js';
import { optionNames } from '../../src/core/parse-options.js';
import { RecordedFunction } from '../../src/engine/record/recorded-function.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import type { BaseLoss, LabelArray } from '../../src/losses/base-loss.js';
import type { REDUCTIONS } from '../../src/losses/loss-options.js';
import { type LossOptions } from '../../src/losses/loss-options.js';
import { expectSameNumbers } from './recording.js';
import { checkGradient, checkSecondGradient } from './check-gradient.js';

/** Sums of a few float32 terms, in one order and in another. */
const REDUCTION_TOLERANCE = 1e-5;

export interface LossCase<O extends LossOptions> {
  readonly name: string;
  readonly options?: Partial<O>;
  /** `[4, ...]`: four examples. */
  readonly labels: () => Tensor;
  /** `[4, ...]`, what the predictions are computed from. */
  readonly input: () => Tensor;
  /** Makes predictions from `input`. Default: they are the input. */
  readonly predict?: (input: Tensor) => Tensor;
}

export interface LossContract<O extends LossOptions> {
  /** Every option with a valid value that is not its default. */
  readonly options: { readonly [K in keyof Required<O>]: O[K] };
  /** For every option, values that must be refused. */
  readonly refused: { readonly [K in keyof Required<O>]: readonly unknown[] };
  readonly cases: readonly LossCase<O>[];
}

/** What every loss must do; called once per class, inside a test file with a running engine. */
export function lossContract<O extends LossOptions>(
  lossClass: new (options?: Partial<O>) => BaseLoss<O>,
  contract: LossContract<O>,
): void {
  const { name } = lossClass;

  describe(`${name}: options`, () => {
    it('come back as they were given, also through JSON', () => {
      for (const given of [{}, contract.options] as Partial<O>[]) {
        const { options } = new lossClass(given);
        expect({ ...options }).toEqual({ ...new lossClass().options, ...given });
        expect({ ...new lossClass(JSON.parse(JSON.stringify(options)) as Partial<O>).options }).toEqual({ ...options });
      }
    });

    it('are refused by name, each of them', () => {
      expect(Object.keys(contract.refused).sort()).toEqual([...optionNames(optionsClassOf(lossClass))].sort());
      for (const [field, values] of Object.entries(contract.refused) as [string, readonly unknown[]][]) {
        for (const value of values) {
          const make = () => new lossClass({ [field]: value } as unknown as Partial<O>);
          expect(make).toThrow(`[invalid-option] option "${field}" of loss ${name}`);
        }
      }
      expect(() => new lossClass({ reductoin: 'sum' } as unknown as Partial<O>)).toThrow(/did you mean "reduction"\?/);
    });
  });

  describe.each(contract.cases.map((one) => [one.name, one] as const))(`${name}: %s`, (_, one) => {
    const predict = one.predict ?? ((input: Tensor) => input);
    const make = (options: Partial<LossOptions> = {}) => new lossClass({ ...one.options, ...options } as Partial<O>);

    it('has the gradient of its central differences, and of the second order', () => {
      const input = one.input();
      const labels = one.labels();
      const values = labels.dataSync();
      const fn = (x: Tensor) => make().compute(tf.tensor(values, labels.shape, labels.dtype), predict(x));
      checkGradient(fn, [input]);
      checkSecondGradient(fn, [input]);
      tf.dispose([input, labels]);
    });

    it('weights and reduces', () => {
      tf.tidy(() => {
        const weights = [0.5, 0, 2, 1];
        const predictions = predict(one.input());
        const run = (reduction: (typeof REDUCTIONS)[number], weighted: boolean) =>
          make({ reduction }).compute(one.labels(), predictions, weighted ? tf.tensor1d(weights) : undefined);
        const each = run('none', false);
        expect(each.shape[0]).toBe(4);
        const positions = each.size / 4;
        const losses = [...each.dataSync()];
        const weightedLosses = losses.map((loss, i) => loss * weights[Math.floor(i / positions)]!);
        const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
        const close = (value: Tensor, expected: number) => {
          expect(value.shape).toEqual([]);
          expect(Math.abs(value.dataSync()[0]! - expected)).toBeLessThan(REDUCTION_TOLERANCE * Math.max(1, expected));
        };
        close(run('sum', false), sum(losses));
        close(run('sum', true), sum(weightedLosses));
        close(run('sumOverBatchSize', false), sum(losses) / losses.length);
        close(run('sumOverBatchSize', true), sum(weightedLosses) / losses.length);
        close(run('meanWithSampleWeight', false), sum(losses) / losses.length);
        close(run('meanWithSampleWeight', true), sum(weightedLosses) / (sum(weights) * positions));
        for (const [i, value] of run('none', true).dataSync().entries()) {
          expect(value).toBeCloseTo(weightedLosses[i]!, 5);
        }
        const nothing = make({ reduction: 'meanWithSampleWeight' }).compute(one.labels(), predictions, tf.zeros([4]));
        expect(nothing.dataSync()[0]).toBe(0);
      });
    });

    it('gives uneven batches the sum of the whole', () => {
      tf.tidy(() => {
        const loss = make({ reduction: 'sum' });
        const labels = one.labels();
        const input = one.input();
        const part = (start: number, size: number) => {
          const rows = (t: Tensor) =>
            tf.slice(t, [start, ...t.shape.slice(1).map(() => 0)], [size, ...t.shape.slice(1)]);
          return loss.compute(rows(labels), predict(rows(input))).dataSync()[0]!;
        };
        const whole = loss.compute(labels, predict(input)).dataSync()[0]!;
        expect(Math.abs(part(0, 3) + part(3, 1) - whole)).toBeLessThan(REDUCTION_TOLERANCE * Math.max(1, whole));
      });
    });

    it('recorded gives the value and the gradient that it gives eagerly', async () => {
      const [labels, input, weights] = [one.labels(), one.input(), tf.tensor1d([0.5, 0, 2, 1])];
      const compute = (): Tensor[] =>
        tf.tidy(() => {
          const loss = (x: Tensor) => make().compute(labels, predict(x), weights);
          const { value, gradients } = valueAndGradients(() => loss(input), [input]);
          return [value, gradients[0]!, make({ reduction: 'none' }).compute(labels, predict(input))];
        });
      const eager = compute();
      const inputs = [labels, input, weights];
      const recorded = RecordedFunction.record('loss', inputs, compute);
      const outputs = await recorded.call(inputs);
      for (const [i, output] of outputs.entries()) expectSameNumbers(output, eager[i]!);
      recorded.dispose();
      tf.dispose([...inputs, ...eager, ...outputs]);
    });

    it('accepts its labels and predictions before training', () => {
      tf.tidy(() => {
        const labels = one.labels();
        const predictions = predict(one.input());
        const array: LabelArray = { values: labels.dataSync(), shape: labels.shape, dtype: labels.dtype };
        make().checkLabels(array, [null, ...predictions.shape.slice(1)], 'y');
        make().checkPredictions(predictions, 'the output');
        expect(predictions.isDisposed).toBe(false);
      });
    });

    it('leaves no tensor behind, whoever owns its arguments', () => {
      const input = one.input();
      const labels = one.labels();
      const before = tf.memory().numTensors;
      const value = tf.tidy(() => make().compute(labels, predict(input)));
      expect(tf.memory().numTensors).toBe(before + 1);
      tf.dispose([input, labels, value]);
    });

    it('refuses sample weights of another shape', () => {
      tf.tidy(() => {
        const compute = () => make().compute(one.labels(), predict(one.input()), tf.ones([4, 1]));
        expect(compute).toThrow('[sample-weight]');
      });
    });
  });
}

/** Probabilities without the memory of the logits that they were made from. */
export function forgetful(probabilities: Tensor): Tensor {
  const clone = probabilities.clone();
  expect(logitsOf(clone)).toBeUndefined();
  return clone;
}
