import { describe, expect, it } from '@jest/globals';
import { SGD, type SGDOptions } from '../../src/optimizers/sgd.js';
import { composedSGD } from '../helpers/composed-updates.js';
import { useTestEngine } from '../helpers/engine.js';
import { optimizerContract } from '../helpers/optimizer-contract.js';
import { withRig } from '../helpers/optimizer-rig.js';

useTestEngine();

optimizerContract<SGDOptions>(SGD, {
  options: [{ learningRate: 0.05 }, { learningRate: 0.02, momentum: 0.9 }, { momentum: 0.8, nesterov: true }],
  refused: {
    learningRate: [-0.1, NaN, Infinity, '0.1', null],
    momentum: [-0.1, 1.1, NaN, '0.9', null],
    nesterov: [1, 'yes', null],
  },
  composed: composedSGD,
  bowlLearningRate: 0.1,
});

describe('SGD', () => {
  it('has the defaults of Keras', () => {
    expect({ ...new SGD().options }).toEqual({ learningRate: 0.01, momentum: 0, nesterov: false });
  });

  it('keeps a velocity only where there is momentum', () => {
    expect(new SGD().slots()).toEqual({});
    expect(new SGD({ momentum: 0.5 }).slots()).toEqual({ velocity: 0 });
  });

  it('follows hand computation', () => {
    const weight = { shape: [1], values: [1] };
    const gradients = [2, 4];
    // 1 - 0.25 * 2 = 0.5; 0.5 - 0.25 * 4 = -0.5
    // u = -0.5, w = 0.5; u = 0.5 * -0.5 - 1 = -1.25, w = -0.75
    // u = -0.5, w = 1 - 0.25 - 0.5 = 0.25; u = -1.25, w = 0.25 - 0.625 - 1 = -1.375
    const cases = [
      { options: {}, expected: [0.5, -0.5] },
      { options: { momentum: 0.5 }, expected: [0.5, -0.75] },
      { options: { momentum: 0.5, nesterov: true }, expected: [0.25, -1.375] },
    ];
    for (const { options, expected } of cases) {
      withRig(new SGD({ learningRate: 0.25, ...options }), { w: weight }, (rig) => {
        const seen = gradients.map((gradient) => {
          rig.step({ w: { shape: [1], values: [gradient] } });
          return rig.weight('w')[0];
        });
        expect(seen).toEqual(expected);
      });
    }
  });
});
