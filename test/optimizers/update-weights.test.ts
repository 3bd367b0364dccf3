import { describe, expect, it } from '@jest/globals';
import { startEngine } from '../../src/engine/start-engine.js';
import { tf } from '../../src/engine/tfjs.js';
import { BaseOptimizer, type WeightUpdate } from '../../src/optimizers/base-optimizer.js';
import { SGD } from '../../src/optimizers/sgd.js';
import { useTestEngine } from '../helpers/engine.js';
import { numbersOf, withRig } from '../helpers/optimizer-rig.js';

useTestEngine();

const PAIR = { shape: [2], values: [1, 2] };

/** A rule as a user may write it: plain ops, a slot, and no thought of the gate. */
class SignDescent extends BaseOptimizer {
  override slots() {
    return { last: 0 };
  }
  apply({ variable, value, gradient, slots, learningRate }: WeightUpdate): void {
    slots.last!.assign(gradient);
    variable.assign(tf.sub(value, tf.mul(learningRate, tf.sign(gradient))));
  }
}

describe('updating weights', () => {
  it('counts steps, not weights, and no step that was gated off', () => {
    withRig(new SGD(), { a: PAIR, b: PAIR }, (rig) => {
      for (const finite of [null, true, false, true]) rig.step({ a: PAIR, b: PAIR }, finite);
      expect(numbersOf(rig.state.iterations)).toEqual([3]);
    });
  });

  it("gates a user's rule that knows nothing of gates", () => {
    withRig(new SignDescent({ learningRate: 0.5 }), { w: PAIR }, (rig) => {
      rig.step({ w: { shape: [2], values: [3, -3] } }, true);
      const after = rig.bits();
      expect(rig.weight('w')).toEqual([0.5, 2.5]);
      expect(numbersOf(rig.state.slotsOf('w').last!)).toEqual([3, -3]);
      rig.step({ w: { shape: [2], values: [NaN, 1] } }, false);
      expect(rig.bits()).toEqual(after);
    });
  });

  it('feeds the learning rate that holds at the step', () => {
    const optimizer = new SGD({ learningRate: 0.5 });
    withRig(optimizer, { w: PAIR }, (rig) => {
      rig.step({ w: PAIR });
      optimizer.learningRate = 0;
      rig.step({ w: PAIR });
      optimizer.learningRate = 1;
      rig.step({ w: PAIR });
      expect(rig.weight('w')).toEqual([-0.5, -1]);
    });
  });

  it('leaks nothing where a rule throws', () => {
    class Broken extends SignDescent {
      override apply({ gradient }: WeightUpdate): void {
        tf.neg(gradient);
        throw new Error('broken rule');
      }
    }
    withRig(new Broken(), { w: PAIR }, (rig) => {
      const { tensors, handles } = startEngine().counters();
      for (const finite of [null, true]) expect(() => rig.step({ w: PAIR }, finite)).toThrow('broken rule');
      expect(startEngine().counters()).toMatchObject({ tensors, handles });
    });
  });
});
