import { describe, expect, it } from '@jest/globals';
import { tf } from '../../src/engine/tfjs.js';
import { layers } from '../../src/layers/layers.js';
import { regularizers } from '../../src/layers/regularizers.js';
import { sequential } from '../../src/model/sequential.js';
import { SGD } from '../../src/optimizers/sgd.js';
import { useTestEngine } from '../helpers/engine.js';
import { linearData, MODES, taken, weightsOf } from '../helpers/models.js';

const { x, y } = linearData(6);
/** Sums of a dozen float32 numbers, taken in another order. */
const DIGITS = 5;

const model = () =>
  sequential([
    layers.dense({
      units: 2,
      name: 'hidden',
      kernelRegularizer: regularizers.l2({ l2: 0.3 }),
      activityRegularizer: 'l1',
    }),
    layers.dense({ units: 1, name: 'head', kernelRegularizer: 'l2', biasRegularizer: regularizers.l1({ l1: 0.5 }) }),
  ]);

const square = (values: number[]) => values.reduce((sum, value) => sum + value * value, 0);
const magnitude = (values: number[]) => values.reduce((sum, value) => sum + Math.abs(value), 0);

describe.each(MODES)('penalties, %s', (execution) => {
  useTestEngine();

  it('are part of the logged loss and no part of metrics, in fit and evaluate', async () => {
    const net = model();
    net.compile({
      optimizer: new SGD({ learningRate: 0 }),
      loss: 'meanSquaredError',
      metrics: [squaredError],
      execution,
    });
    const history = await net.fit(x, y, { batchSize: 6, shuffle: false, verbose: 0 });
    const evaluated = await net.evaluate(x, y, { batchSize: 6 });
    const { 'hidden/kernel': k1, 'head/kernel': k2, 'head/bias': b2 } = weightsOf(net);
    const hidden = tf.tidy(() => Array.from((net.getLayer('hidden').call(tf.tensor2d(x)) as tf.Tensor).dataSync()));
    // As in Keras the activity penalty is a mean over the batch.
    const penalty = 0.3 * square(k1!) + 0.01 * square(k2!) + 0.5 * magnitude(b2!) + (0.01 * magnitude(hidden)) / 6;
    const [loss, error] = [history.history['loss']![0]!, history.history['squaredError']![0]!];
    expect(loss - error).toBeCloseTo(penalty, DIGITS);
    expect(evaluated['loss']! - evaluated['squaredError']!).toBeCloseTo(penalty, DIGITS);
    expect(evaluated['squaredError']).toBeCloseTo(error, DIGITS);
    net.dispose();
  });

  it('are taken of trainable weights only', async () => {
    const net = model();
    net.compile({
      optimizer: new SGD({ learningRate: 0 }),
      loss: 'meanSquaredError',
      metrics: [squaredError],
      execution,
    });
    net.build([null, 3]);
    net.setTrainable('hidden', false);
    const { loss, squaredError: error } = await net.evaluate(x, y, { batchSize: 6 });
    const hidden = tf.tidy(() => Array.from((net.getLayer('hidden').call(tf.tensor2d(x)) as tf.Tensor).dataSync()));
    const { 'head/kernel': k2, 'head/bias': b2 } = weightsOf(net);
    const penalty = 0.01 * square(k2!) + 0.5 * magnitude(b2!) + (0.01 * magnitude(hidden)) / 6;
    expect(loss! - error!).toBeCloseTo(penalty, DIGITS);
    net.dispose();
  });

  it('add their gradient', async () => {
    const [plain, penalised] = [{}, { kernelRegularizer: regularizers.l2({ l2: 0.3 }) }].map((options) => {
      const net = sequential([layers.dense({ units: 1, ...options })]);
      net.compile({ loss: 'meanSquaredError', execution });
      return net;
    });
    const [a, b] = [await plain!.gradients(x, y), await penalised!.gradients(x, y)];
    const kernel = weightsOf(plain!)['dense/kernel']!;
    const [without, added] = [a, b].map((gradients) => taken(gradients['dense/kernel']!));
    for (const [i, value] of added!.entries()) expect(value).toBeCloseTo(without![i]! + 0.6 * kernel[i]!, DIGITS);
    tf.dispose([a['dense/bias']!, b['dense/bias']!]);
    plain!.dispose();
    penalised!.dispose();
  });
});

function squaredError(labels: tf.Tensor, predictions: tf.Tensor): tf.Tensor {
  return tf.square(tf.sub(labels, predictions));
}
