import { describe, expect, it } from '@jest/globals';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { CallContext } from '../../src/layers/call-context.js';
import { BatchNormalization } from '../../src/layers/batch-normalization.js';
import { useTestEngine } from '../helpers/engine.js';
import { layerContract } from '../helpers/layer-contract.js';

layerContract(BatchNormalization, { options: () => ({ momentum: 0.9 }), inputShape: [2, 3, 2, 3] });
describe.each([2, 3, 5])('of rank %i without scale or center', (rank) => {
  layerContract(BatchNormalization, {
    options: () => ({ scale: rank === 3, center: false }),
    inputShape: [4, 2, 2, 2, 2].slice(0, rank),
  });
});

describe('batch normalisation', () => {
  useTestEngine();

  it('averages over two calls within one step', () => {
    const layer = new BatchNormalization({ momentum: 0.5 });
    const context = new CallContext({ training: true });
    tf.tidy(() => {
      layer.call(tf.tensor2d([[2], [4]]), context);
      layer.call(tf.tensor2d([[10], [10]]), context);
      // 0.5 * (0.5 * 0 + 0.5 * 3) + 0.5 * 10, and 0.5 * (0.5 * 1 + 0.5 * 1) + 0.5 * 0
      expect(context.stateOf(layer.movingMean).dataSync()[0]).toBeCloseTo(5.75, 5);
      expect(context.stateOf(layer.movingVariance).dataSync()[0]).toBeCloseTo(0.5, 5);
    });
    tf.tidy(() => expect(layer.movingMean.value.dataSync()[0]).toBe(0));
    context.dispose();
    layer.dispose();
  });

  it('uses the moving statistics, and leaves them, where it is not trainable', () => {
    const layer = new BatchNormalization({ trainable: false });
    const context = new CallContext({ training: true });
    tf.tidy(() => {
      const x = tf.tensor2d([[2], [4]]);
      const inTraining = layer.call(x, context) as Tensor;
      expect(inTraining.dataSync()).toEqual(layer.call(x).dataSync());
    });
    expect(context.stateWrites.size).toBe(0);
    context.dispose();
    layer.dispose();
  });

  it('has no weight for what is off', () => {
    const layer = new BatchNormalization({ scale: false, center: false });
    layer.build([null, 3]);
    expect(layer.ownWeights.map(({ name }) => name)).toEqual(['movingMean', 'movingVariance']);
    layer.dispose();
  });
});
