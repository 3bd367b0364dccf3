import { describe, expect, it } from '@jest/globals';
import { AdamW, type AdamWOptions } from '../../src/optimizers/adam-w.js';
import { composedAdamW } from '../helpers/composed-updates.js';
import { useTestEngine } from '../helpers/engine.js';
import { optimizerContract } from '../helpers/optimizer-contract.js';
import { withRig } from '../helpers/optimizer-rig.js';

useTestEngine();

optimizerContract<AdamWOptions>(AdamW, {
  options: [
    { weightDecay: 0.01 },
    { learningRate: 0.02, weightDecay: 0.3, excludeFromWeightDecay: ['**/bias', 'head'] },
  ],
  refused: {
    learningRate: [-0.1, NaN, Infinity, '0.1', null],
    beta1: [-0.1, 1, NaN],
    beta2: [-0.1, 1, NaN],
    epsilon: [0, -1e-7, NaN],
    weightDecay: [-0.1, NaN, Infinity, '0.004', null],
    excludeFromWeightDecay: [3, {}, [4], true],
  },
  composed: composedAdamW,
  bowlLearningRate: 0.05,
});

describe('AdamW', () => {
  it('has the defaults of Keras', () => {
    expect({ ...new AdamW().options }).toMatchObject({ learningRate: 0.001, weightDecay: 0.004, epsilon: 1e-7 });
  });

  it('shrinks weights by learningRate * weightDecay, apart from the gradient', () => {
    const weight = { shape: [1], values: [4] };
    const excludes = [undefined, '**/bias', /bias$/, (path: string) => path.endsWith('bias'), [/^nothing$/, 'a/bias']];
    for (const excludeFromWeightDecay of excludes) {
      const optimizer = new AdamW({ learningRate: 0.5, weightDecay: 0.25, excludeFromWeightDecay });
      withRig(optimizer, { 'a/kernel': weight, 'a/bias': weight }, (rig) => {
        const zero = { shape: [1], values: [0] };
        rig.step({ 'a/kernel': zero, 'a/bias': zero });
        expect(rig.weight('a/kernel')).toEqual([3.5]);
        expect(rig.weight('a/bias')).toEqual([excludeFromWeightDecay === undefined ? 3.5 : 4]);
      });
    }
  });
});
