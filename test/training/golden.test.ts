import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { tf } from '../../src/engine/tfjs.js';
import { layers } from '../../src/layers/layers.js';
import { regularizers } from '../../src/layers/regularizers.js';
import { CategoricalCrossentropy } from '../../src/losses/categorical-crossentropy.js';
import { sequential } from '../../src/model/sequential.js';
import { AdamW } from '../../src/optimizers/adam-w.js';
import { useTestEngine } from '../helpers/engine.js';
import { MODES, scattered, taken, weightsOf } from '../helpers/models.js';

interface Golden {
  readonly initial: number[][];
  readonly history: Record<string, number[]>;
  readonly weights: number[][];
  readonly predictions: number[];
}

const golden = JSON.parse(readFileSync(new URL('../golden/training.json', import.meta.url), 'utf8')) as Golden;
const [ROWS, SIZE, CLASSES, EPOCHS, BATCH] = [22, 6, 3, 5, 8];
/**
 * Both compute in float32 and add up in different orders: 6e-8 a step, which 15 steps of Adam, whose size does not depend
 * on the gradient's, carry to 3e-6. A different rule anywhere shows in the second digit.
 */
const TOLERANCE = 2e-5;

const largestDifference = (a: readonly number[], b: readonly number[]): number => {
  expect(a).toHaveLength(b.length);
  return Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));
};

describe.each(MODES)('a run as Keras does it, %s', (execution) => {
  useTestEngine();

  it('has its losses and weights: convolution, batch norm, L2, clipping, AdamW, label smoothing', async () => {
    const model = sequential([
      layers.conv2d({
        filters: 4,
        kernelSize: 3,
        padding: 'same',
        useBias: false,
        kernelRegularizer: regularizers.l2({ l2: 0.01 }),
        inputShape: [SIZE, SIZE, 1],
      }),
      layers.batchNormalization({ momentum: 0.9 }),
      layers.activation({ activation: 'relu' }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.flatten(),
      layers.dense({
        units: CLASSES,
        kernelRegularizer: regularizers.l2({ l2: 0.02 }),
        activityRegularizer: regularizers.l1({ l1: 0.001 }),
      }),
    ]);
    model.compile({
      optimizer: new AdamW({ learningRate: 0.02, weightDecay: 0.01 }),
      loss: new CategoricalCrossentropy({ fromLogits: true, labelSmoothing: 0.1 }),
      metrics: ['accuracy'],
      clip: { globalNorm: 0.5 },
      execution,
    });
    const initial = [...model.weightTree()].map(([, { handle }], i) =>
      tf.tensor(golden.initial[i]!, [...handle.shape]),
    );
    model.setWeights(initial);
    tf.dispose(initial);
    const x = {
      values: Float32Array.from(scattered(ROWS * SIZE * SIZE)),
      shape: [ROWS, SIZE, SIZE, 1],
      dtype: 'float32',
    } as const;
    const y = Array.from({ length: ROWS }, (_, i) => [0, 1, 2].map((c) => Number(c === (i * 7) % CLASSES)));
    const head = { ...x, values: x.values.subarray(0, 5 * SIZE * SIZE), shape: [5, SIZE, SIZE, 1] };

    const { history } = await model.fit(x, y, {
      epochs: EPOCHS,
      batchSize: BATCH,
      shuffle: false,
      validationData: [head, y.slice(0, 5)],
      verbose: 0,
    });
    for (const [name, values] of Object.entries(golden.history)) {
      expect(largestDifference(history[name.replace('categorical_', '')]!, values)).toBeLessThan(TOLERANCE);
    }
    const weights = Object.values(weightsOf(model));
    expect(weights).toHaveLength(golden.weights.length);
    for (const [i, values] of golden.weights.entries()) {
      expect(largestDifference(weights[i]!, values)).toBeLessThan(TOLERANCE);
    }
    const three = { ...x, values: x.values.subarray(0, 3 * SIZE * SIZE), shape: [3, SIZE, SIZE, 1] };
    expect(largestDifference(taken(await model.predict(three)), golden.predictions)).toBeLessThan(TOLERANCE);
    model.dispose();
  });
});
