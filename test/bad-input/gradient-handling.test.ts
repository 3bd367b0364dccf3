import { describe, expect, it } from '@jest/globals';
import { layers } from '../../src/layers/layers.js';
import { sequential } from '../../src/model/sequential.js';
import { CosineDecay } from '../../src/optimizers/schedules/cosine-decay.js';
import { SGD } from '../../src/optimizers/sgd.js';
import { useTestEngine } from '../helpers/engine.js';
import { refusal } from '../helpers/refusal.js';

const X = Array.from({ length: 8 }, (_, i) => [i / 8, 1 - i / 8, 0.5]);
const Y = X.map(([value]) => [value!]);

/** What is refused at `compile` of a built model, or before the first step of a `fit`; never after one. */
async function refused(options: object): Promise<string> {
  const model = sequential(
    [
      layers.dense({ units: 4, activation: 'tanh', inputShape: [3] }),
      layers.dense({ units: 4, activation: 'tanh' }),
      layers.dense({ units: 1 }),
    ],
    { name: 'digits' },
  );
  const { compile, fit } = {
    compile: (more: object) => model.compile({ loss: 'meanSquaredError', ...more }),
    fit: () => model.fit(X, Y, { batchSize: 4, verbose: 0 }),
  };
  try {
    compile({});
    return await refusal(model, async () => {
      compile(options);
      await fit();
    });
  } finally {
    model.dispose();
  }
}

const negative = [-1, 0, NaN, Infinity];
const each = (values: readonly unknown[], make: (value: unknown) => object, message: RegExp): [object, RegExp][] =>
  values.map((value) => [make(value), message]);

const CASES: Readonly<Record<string, readonly [object, RegExp][]>> = {
  'a threshold of clipping that is not positive': [
    ...each(negative, (value) => ({ clip: { value } }), /option "value" of clip/),
    ...each(negative, (norm) => ({ clip: { norm } }), /option "norm" of clip/),
    ...each(negative, (globalNorm) => ({ clip: { globalNorm } }), /option "globalNorm" of clip/),
    ...each(negative, (adaptive) => ({ clip: { adaptive } }), /option "adaptive" of clip/),
    ...each(negative, (factor) => ({ spikeProtection: { factor } }), /option "factor" of/),
  ],
  'no or two ways of clipping': [
    [{ clip: {} }, /\[clip-choice\]/],
    [{ clip: { value: 1, norm: 1 } }, /\[clip-choice\]/],
  ],
  'a count of nothing': [
    ...each([0, -2, 1.5, NaN], (accumulateSteps) => ({ accumulateSteps }), /option "accumulateSteps"/),
    ...each([0, -1, 0.5], (every) => ({ lookahead: { every } }), /option "every" of/),
    ...each([0, -1, 0.5], (every) => ({ weightAverage: { kind: 'equal', every } }), /option "every" of/),
    ...each([0, -1], (overwriteEvery) => ({ weightAverage: { overwriteEvery } }), /option "overwriteEvery" of/),
    ...each([0, -1, 0.5], (window) => ({ spikeProtection: { window } }), /option "window" of/),
    ...each([0, -1, 1.5, NaN], (every) => ({ checkpoint: { every } }), /option "checkpoint"[^]*at least 1/),
  ],
  'noise of no size': [
    ...each(negative, (eta) => ({ gradientNoise: { eta } }), /option "eta" of/),
    ...each([-1, NaN], (gamma) => ({ gradientNoise: { eta: 1, gamma } }), /option "gamma" of/),
    ...each(negative, (temperature) => ({ gradientNoise: { temperature } }), /option "temperature" of/),
    [{ gradientNoise: {} }, /\[noise-choice\]/],
  ],
  'a predicate that names nothing': [
    [{ clip: { norm: 1, only: 'densse' } }, /\[invalid-option\][^]*"densse"[^]*did you mean/],
    [{ clip: { norm: 1, only: /^body/ } }, /\[invalid-option\][^]*\/\^body\//],
    [{ checkpoint: 'densse' }, /\[invalid-option\][^]*"densse"[^]*did you mean/],
    [{ checkpoint: /^body/ }, /\[invalid-option\][^]*\/\^body\//],
    [{ checkpoint: () => false }, /\[invalid-option\]/],
    [{ precision: 'mixed_bfloat16', float32Layers: 'densse' }, /option "float32Layers"[^]*did you mean/],
    [{ precision: 'mixed_bfloat16', float32Layers: () => false }, /option "float32Layers"/],
  ],
  'a budget of activations that is too small': [
    ...each(
      [0, -1, NaN, '5'],
      (maxActivationMb) => ({ checkpoint: { maxActivationMb } }),
      /positive number of megabyte/,
    ),
    [{ checkpoint: { maxActivationMb: 1e-6 } }, /\[invalid-option\][^]*the least is about/],
  ],
  'a loss scale that scales nothing': [
    ...each([0, -8, NaN, Infinity, 'often'], (lossScale) => ({ lossScale }), /lossScale/),
    ...each([0, -8, NaN], (initial) => ({ lossScale: { initial } }), /option "initial" of/),
    ...each([1, 0.5, NaN], (growthFactor) => ({ lossScale: { growthFactor } }), /option "growthFactor" of/),
    ...each([0, 1, -1], (backoff) => ({ lossScale: { backoff } }), /option "backoff" of/),
    ...each([0, -1, 1.5], (growthInterval) => ({ lossScale: { growthInterval } }), /option "growthInterval" of/),
  ],
  'an average that averages nothing': [
    ...each([1, -0.1, NaN], (decay) => ({ weightAverage: { decay } }), /option "decay" of/),
    ...each([-1, 0.5], (startAfter) => ({ weightAverage: { kind: 'equal', startAfter } }), /option "startAfter" of/),
    ...each([0, -1, 1.5], (rate) => ({ lookahead: { rate } }), /option "rate" of/),
  ],
  'an unknown precision': [[{ precision: 'bfloat16' }, /option "precision"[^]*mixed_bfloat16/]],
};

describe('gradient handling refuses, before anything is trained:', () => {
  useTestEngine();

  it.each(Object.entries(CASES))('%s', async (_name, cases) => {
    for (const [options, message] of cases) {
      const received = await refused(options);
      // With the case in sight where it fails.
      expect([options, received]).toEqual([options, expect.stringMatching(message)]);
      expect(received).toMatch(/\n {2}expected {2}\S[^]*\n {2}received {2}\S/);
    }
  });
});

it('a schedule goes on past its end with its last value, as in Keras', async () => {
  const model = sequential([layers.dense({ units: 1, inputShape: [3] })]);
  const learningRate = new CosineDecay({ initialLearningRate: 0.1, decaySteps: 3, alpha: 0.25 });
  model.compile({ optimizer: new SGD({ learningRate }), loss: 'meanSquaredError' });
  const { history } = await model.fit(X, Y, { epochs: 4, batchSize: 4, verbose: 0 });
  expect(history['learningRate']!.at(-1)).toBeCloseTo(0.025, 7);
  model.dispose();
});
