import { afterEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { createAdjoint } from '../../src/container.js';
import type { PathPredicate } from '../../src/core/path-predicate.js';
import { attribute, executeOp } from '../../src/engine/execute-op.js';
import { withPrecision } from '../../src/engine/precision/mixed-precision.js';
import { setOpPrecision } from '../../src/engine/precision/precision-table.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import type { CallContext } from '../../src/layers/call-context.js';
import { Child } from '../../src/layers/declarations.js';
import { layers } from '../../src/layers/layers.js';
import { BaseModel } from '../../src/model/base-model.js';
import type { CompileOptions } from '../../src/model/compile-options.js';
import { Model } from '../../src/model/declarations.js';
import { sequential } from '../../src/model/sequential.js';
import { Adam } from '../../src/optimizers/adam.js';
import { SGD } from '../../src/optimizers/sgd.js';
import type { DeviceBatch } from '../../src/training/device-batch.js';
import { LossScale } from '../../src/training/loss-scale.js';
import { RecordedRunner } from '../../src/training/recorded-runner.js';
import type { StepContext } from '../../src/training/step-context.js';
import { useTestEngine } from '../helpers/engine.js';

useTestEngine();
afterEach(() => {
  jest.restoreAllMocks();
});

/** Not a multiple of the batch: the last one is short. */
const ROWS = 43;
const X = Array.from({ length: ROWS }, (_, i) => Array.from({ length: 6 }, (_, j) => Math.sin(5 * i + 3 * j)));
const LABELS = Array.from({ length: ROWS }, (_, i) => (i * i) % 3);
const quiet = { batchSize: 8, verbose: 0 } as const;
/** Eight bits, a few roundings after each other, and twenty steps of them. */
const BFLOAT16_TOLERANCE = 0.05;

function classifier(options: Partial<CompileOptions> = {}): BaseModel {
  const model = sequential([
    layers.dense({ units: 8, activation: 'relu' }),
    layers.batchNormalization(),
    layers.dropout({ rate: 0.25 }),
    layers.dense({ units: 3, activation: 'softmax' }),
  ]);
  model.compile({
    optimizer: new Adam({ learningRate: 0.01 }),
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
    seed: 5,
    precision: 'mixed_bfloat16',
    ...options,
  });
  return model;
}

function weightsOf(model: BaseModel): number[] {
  return model.getWeights().flatMap((tensor) => {
    const values = Array.from(tensor.dataSync());
    tensor.dispose();
    return values;
  });
}

describe('float32Layers', () => {
  const refused: [PathPredicate, RegExp][] = [
    ['nothing', /\[invalid-option\] option "float32Layers"[^]*chooses at least one layer of the model[^]*"nothing"/],
    ['dens', /did you mean "dense"/],
    [/^body/, /received {2}\/\^body\//],
    [() => false, /chooses at least one layer/],
  ];

  it.each(refused)(
    '%p names no layer and is refused, each time, before anything is trained',
    async (float32Layers, message) => {
      const model = classifier({ float32Layers });
      await expect(model.fit(X, LABELS, quiet)).rejects.toThrow(message);
      await expect(model.evaluate(X, LABELS)).rejects.toThrow(message);
      const again = classifier();
      again.build([null, 6]);
      expect(() => again.compile({ optimizer: 'sgd', loss: 'meanSquaredError', float32Layers })).toThrow(message);
      model.dispose();
      again.dispose();
    },
  );

  it('takes what names a layer', async () => {
    const model = classifier({ float32Layers: ['dense_1', /batch/] });
    await model.fit(X, LABELS, quiet);
    expect(weightsOf(model).every(Number.isFinite)).toBe(true);
    model.dispose();
  });
});

describe('an op without a kernel in half precision', () => {
  it.each([
    ['mixed_bfloat16', 'bfloat16'],
    ['mixed_float16', 'float16'],
  ] as const)('is named, with the ways out (%s)', (precision, type) => {
    const rule = setOpPrecision('Cholesky', 'half');
    const one = tf.eye(2);
    const run = () => executeOp('Cholesky', [attribute.type('T', 'float32')], [one])[0]!;
    const nowhere = () => false;
    expect(() => withPrecision(precision, nowhere, run)).toThrow(
      new RegExp(
        `EngineError \\[no-half-kernel\\] op Cholesky\\s+expected +a kernel for ${type}[^]*setOpPrecision\\('Cholesky', 'float32'\\)[^]*precision: 'float32'`,
      ),
    );
    rule.remove();
    withPrecision(precision, nowhere, run).dispose();
    one.dispose();
  });
});

/** Two losses in a step of its own. */
@Model('test/two-losses')
class TwoLosses extends BaseModel {
  @Child() hidden = layers.dense({ units: 8, activation: 'relu' });
  @Child() head = layers.dense({ units: 1 });

  call(x: Tensor, context: CallContext): Tensor {
    return this.head.call(this.hidden.call(x, context), context);
  }

  override trainStep({ x, y }: DeviceBatch, step: StepContext): Record<string, Tensor> {
    const square = step.minimize(() => tf.mean(tf.squaredDifference(this.call(x, step.call), tf.cast(y!, 'float32'))));
    const size = step.minimize(() => tf.mul(0.01, tf.mean(tf.abs(this.call(x, step.call)))));
    return { square, size };
  }
}

describe('mixed_bfloat16', () => {
  it('trains a model with a trainStep of its own, alike eagerly and recorded', async () => {
    const labels = LABELS.map((label) => [label]);
    const train = async (options: Partial<CompileOptions>) => {
      const model = new TwoLosses();
      model.compile({ optimizer: new SGD({ learningRate: 0.05 }), seed: 2, ...options });
      const { history, mode } = await model.fit(X, labels, { ...quiet, epochs: 3 });
      const weights = weightsOf(model);
      model.dispose();
      return { square: history['square']!, weights, mode: mode[0] };
    };
    const precision = 'mixed_bfloat16';
    const [single, eager, recorded, scaled] = [
      await train({}),
      await train({ precision, execution: 'eager' }),
      await train({ precision, execution: 'recorded' }),
      await train({ precision, lossScale: 'dynamic' }),
    ];
    for (const mixed of [eager, recorded, scaled]) {
      mixed.square.forEach((loss, i) => {
        expect(Math.abs(loss - single.square[i]!)).toBeLessThan(BFLOAT16_TOLERANCE * single.square[i]!);
      });
      expect(mixed.weights).not.toEqual(single.weights);
    }
    expect([eager.mode, recorded.mode]).toEqual(['eager', 'recorded']);
  });

  it('evaluates and predicts, the short last batch included, as in float32', async () => {
    const [single, mixed] = [classifier({ precision: 'float32' }), classifier()];
    for (const model of [single, mixed]) await model.fit(X, LABELS, { ...quiet, epochs: 2 });
    const predicted: number[][] = [];
    const evaluated: number[] = [];
    for (const model of [single, mixed]) {
      // The same weights, so that only the way through the model differs.
      if (model === mixed) {
        const weights = single.getWeights();
        mixed.setWeights(weights);
        tf.dispose(weights);
      }
      const probabilities = await model.predict(X, { batchSize: 8 });
      expect(probabilities.shape).toEqual([ROWS, 3]);
      predicted.push(Array.from(probabilities.dataSync()));
      probabilities.dispose();
      evaluated.push((await model.evaluate(X, LABELS, { batchSize: 8 }))['loss']!);
    }
    predicted[0]!.forEach((value, i) => expect(Math.abs(value - predicted[1]![i]!)).toBeLessThan(BFLOAT16_TOLERANCE));
    expect(Math.abs(evaluated[0]! - evaluated[1]!)).toBeLessThan(BFLOAT16_TOLERANCE * evaluated[0]!);
    expect(evaluated[0]).not.toBe(evaluated[1]);
    single.dispose();
    mixed.dispose();
  });

  it.each([{}, { lossScale: { initial: 8, growthInterval: 3 } }])(
    'gives the same steps to the bit when a call runs several of them, %p',
    async (options) => {
      const train = async (stepsPerCall: number) => {
        jest.spyOn(RecordedRunner.prototype, 'stepsPerCall', 'get').mockReturnValue(stepsPerCall);
        const model = classifier(options);
        const { history } = await model.fit(X, LABELS, { ...quiet, epochs: 3 });
        const weights = weightsOf(model);
        model.dispose();
        jest.restoreAllMocks();
        return { weights, history };
      };
      expect(await train(4)).toEqual(await train(1));
    },
  );

  it('leaves gradcheck in float64', async () => {
    // relu's kinks and dropout's masks are no matter of precision: a smooth model.
    const model = sequential([layers.dense({ units: 4, activation: 'tanh' }), layers.dense({ units: 1 })]);
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError', precision: 'mixed_bfloat16', seed: 1 });
    const labels = LABELS.map((label) => [label]);
    const report = await model.gradcheck(X.slice(0, 8), labels.slice(0, 8));
    expect(report.passed).toBe(true);
    // What float64 reaches; in bfloat16 it would be a thousandth at best.
    expect(report.error).toBeLessThan(1e-7);
    model.dispose();
  });
});

describe('the loss scale', () => {
  const settings = fc.record({
    // Powers of two, as reference and float32 then agree to the bit.
    initial: fc.integer({ min: 0, max: 24 }).map((power) => 2 ** power),
    growthFactor: fc.constantFrom(2, 4, 16),
    backoff: fc.constantFrom(0.5, 0.25, 1 / 1024),
    growthInterval: fc.integer({ min: 1, max: 4 }),
  });

  it('follows its rule over any run of good and bad steps, and stays from 1 to 2^24', () => {
    fc.assert(
      fc.property(
        settings,
        fc.array(fc.boolean(), { minLength: 1, maxLength: 25 }),
        ({ initial, ...dynamic }, steps) => {
          const lossScale = new LossScale({ initial, dynamic });
          let expected = initial;
          let good = 0;
          try {
            for (const isFinite of steps) {
              const finite = tf.scalar(isFinite, 'bool');
              lossScale.update(finite);
              finite.dispose();
              good = isFinite ? good + 1 : 0;
              if (!isFinite) expected = Math.max(1, expected * dynamic.backoff);
              if (good === dynamic.growthInterval) {
                expected = Math.min(2 ** 24, expected * dynamic.growthFactor);
                good = 0;
              }
              expect(lossScale.hostLogs()).toEqual({ lossScale: expected });
            }
          } finally {
            lossScale.dispose();
          }
        },
      ),
      { numRuns: 25, seed: 1 },
    );
  });

  it('changes nothing in float32 where it is a power of two: scaling is exact there', async () => {
    const train = async (lossScale?: CompileOptions['lossScale']) => {
      const model = classifier({ precision: 'float32', lossScale });
      await model.fit(X, LABELS, { ...quiet, epochs: 2 });
      const weights = weightsOf(model);
      model.dispose();
      return weights;
    };
    const plain = await train();
    for (const scale of [128, 2 ** 20, 2 ** -6, 'dynamic'] as const) expect(await train(scale)).toEqual(plain);
  });

  it('is logged while it changes, and not where it is fixed', async () => {
    for (const [lossScale, logged] of [
      ['dynamic', true],
      [128, false],
      [undefined, false],
    ] as const) {
      const model = classifier({ lossScale });
      const { history } = await model.fit(X, LABELS, quiet);
      expect('lossScale' in history).toBe(logged);
      model.dispose();
    }
  });

  it.each(['eager', 'recorded'] as const)(
    'says once that float16 overflows with a scale of 1, too, %s',
    async (execution) => {
      const warnings: string[] = [];
      const logger = { info: () => {}, warn: (message: string) => void warnings.push(message) };
      const model = createAdjoint({ logger }).create(() =>
        sequential([layers.dense({ units: 4 }), layers.dense({ units: 1 })]),
      );
      const plan = {
        loss: 'meanSquaredError',
        precision: 'mixed_float16',
        lossScale: { initial: 2 },
        execution,
      } as const;
      model.compile(plan);
      const beyond = X.map((row) => row.map((value) => 1e6 * value));
      const { history } = await model.fit(beyond, LABELS, { ...quiet, epochs: 3 });
      expect(history['lossScale']).toEqual([1, 1, 1]);
      expect(warnings).toEqual([expect.stringMatching(/loss scale of 1, too.*float16.*mixed_bfloat16/)]);
      // A small scale that makes steps is nobody's trouble.
      await model.fit(X, LABELS, quiet);
      expect(warnings).toHaveLength(1);
      model.dispose();
    },
  );
});
