import { describe, expect, it } from '@jest/globals';
import { Adam, type AdamOptions } from '../../src/optimizers/adam.js';
import { composedAdam } from '../helpers/composed-updates.js';
import { useTestEngine } from '../helpers/engine.js';
import { optimizerContract } from '../helpers/optimizer-contract.js';
import { numbersOf, withRig } from '../helpers/optimizer-rig.js';

useTestEngine();

optimizerContract<AdamOptions>(Adam, {
  options: [{}, { learningRate: 0.02, beta1: 0.8, beta2: 0.95, epsilon: 1e-3 }, { beta1: 0, beta2: 0 }],
  refused: {
    learningRate: [-0.1, NaN, Infinity, '0.1', null],
    beta1: [-0.1, 1, 1.5, NaN, '0.9', null],
    beta2: [-0.1, 1, Infinity, NaN, '0.9', null],
    epsilon: [0, -1e-7, NaN, Infinity, '1e-7', null],
  },
  composed: composedAdam,
  bowlLearningRate: 0.05,
});

describe('Adam', () => {
  it('has the defaults of Keras', () => {
    expect({ ...new Adam().options }).toEqual({ learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 });
  });

  it('steps by the learning rate at first, whatever the size of the gradient', () => {
    for (const size of [1e-3, 1, 1e3]) {
      withRig(new Adam({ learningRate: 0.5 }), { w: { shape: [2], values: [0, 0] } }, (rig) => {
        rig.step({ w: { shape: [2], values: [size, -size] } });
        const [first, second] = rig.weight('w');
        expect(Math.abs(first! + 0.5)).toBeLessThan(0.5 * (FIRST_STEP_TOLERANCE + epsilonShare(size)));
        expect(second).toBe(-first!);
      });
    }
  });

  it('does not move on a gradient of zero', () => {
    withRig(new Adam(), { w: { shape: [2], values: [1, -2] } }, (rig) => {
      rig.step({ w: { shape: [2], values: [0, 0] } });
      expect(rig.weight('w')).toEqual([1, -2]);
    });
  });

  it('raises the powers of its betas once a step', () => {
    withRig(new Adam({ beta1: 0.5, beta2: 0.25 }), { a: ONE, b: ONE }, (rig) => {
      const powers = () => [numbersOf(rig.state.scalars.beta1Power!), numbersOf(rig.state.scalars.beta2Power!)].flat();
      expect(powers()).toEqual([0.5, 0.25]);
      rig.step({ a: ONE, b: ONE });
      expect(powers()).toEqual([0.25, 0.0625]);
    });
  });
});

/** `1 - beta2` and its counterpart in the correction are rounded to float32. */
const FIRST_STEP_TOLERANCE = 1e-6;

/** How much of the first step epsilon takes: it stands beside the root of `(1 - beta2) * size^2`. */
function epsilonShare(size: number): number {
  return 1e-7 / (Math.sqrt(0.001) * size);
}

const ONE = { shape: [1], values: [1] };
