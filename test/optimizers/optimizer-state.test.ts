import { describe, expect, it } from '@jest/globals';
import { LookupError, StateError } from '../../src/core/errors.js';
import { startEngine } from '../../src/engine/start-engine.js';
import { tf } from '../../src/engine/tfjs.js';
import { Variable } from '../../src/engine/variable.js';
import { Adam } from '../../src/optimizers/adam.js';
import { OptimizerState } from '../../src/optimizers/optimizer-state.js';
import { SGD } from '../../src/optimizers/sgd.js';
import { useTestEngine } from '../helpers/engine.js';
import { numbersOf, withRig } from '../helpers/optimizer-rig.js';

useTestEngine();

const PAIR = { shape: [2], values: [1, 2] };

function variable(name: string, shape: number[]): Variable {
  const zeros = tf.zeros(shape);
  const made = Variable.create(name, zeros);
  zeros.dispose();
  return made;
}

describe('optimizer state', () => {
  it('lists what a file must keep, in an order that the names give', () => {
    withRig(new Adam(), { z: PAIR, 'a/b': PAIR }, (rig) => {
      expect(rig.state.entries().map(([name, { shape, dtype }]) => [name, shape, dtype])).toEqual([
        ['iterations', [], 'int32'],
        ['scalars/beta1Power', [], 'float32'],
        ['scalars/beta2Power', [], 'float32'],
        ['slots/a/b/mean', [2], 'float32'],
        ['slots/a/b/meanSquare', [2], 'float32'],
        ['slots/z/mean', [2], 'float32'],
        ['slots/z/meanSquare', [2], 'float32'],
      ]);
    });
  });

  it('takes in a weight that becomes trainable later and keeps the others', () => {
    const late = variable('late', [3]);
    withRig(new SGD({ momentum: 0.5 }), { w: PAIR }, ({ state, ...rig }) => {
      const { velocity } = state.slotsOf('w');
      expect(() => state.slotsOf('late')).toThrow(LookupError);
      state.ensure('late', late);
      state.ensure('late', late);
      state.ensure('w', rig.weights.get('w')!);
      expect(state.slotsOf('w').velocity).toBe(velocity);
      expect(numbersOf(state.slotsOf('late').velocity!)).toEqual([0, 0, 0]);
      expect(state.entries()).toHaveLength(3);
    });
    late.dispose();
  });

  it('refuses another variable under a known path', () => {
    const other = variable('w', [2]);
    withRig(new Adam(), { w: PAIR }, ({ state }) => {
      expect(() => state.ensure('w', other)).toThrow(/StateError \[weight-changed\].*"w"/);
    });
    other.dispose();
  });

  it('names the nearest path for an unknown one', () => {
    withRig(new Adam(), { 'body/kernel': PAIR }, ({ state }) => {
      expect(() => state.slotsOf('body/kernal')).toThrow(/did you mean "body\/kernel"\?/);
    });
  });

  it('is of no use after dispose, which may be called twice', () => {
    const state = OptimizerState.create(new Adam(), []);
    state.dispose();
    state.dispose();
    for (const use of [() => state.entries(), () => state.slotsOf('w'), () => state.ensure('w', null as never)]) {
      expect(use).toThrow(StateError);
    }
  });

  it('leaves nothing behind where making it fails half way', () => {
    const weight = variable('w', [2]);
    const before = startEngine().counters();
    const weights = function* (): Iterable<[string, Variable]> {
      yield ['w', weight];
      throw new Error('half way');
    };
    expect(() => OptimizerState.create(new Adam(), weights())).toThrow('half way');
    expect(startEngine().counters().variables).toBe(before.variables);
    weight.dispose();
  });

  it('leaves nothing behind where one slot of several cannot be made', () => {
    class BadSlots extends Adam {
      override slots() {
        return { good: 0, bad: 'one' as unknown as number };
      }
    }
    const weight = variable('w', [2]);
    const { variables, tensors } = startEngine().counters();
    expect(() => OptimizerState.create(new BadSlots(), [['w', weight]])).toThrow(
      /SetupError \[initial-value\].*w\/bad/,
    );
    expect(startEngine().counters()).toMatchObject({ variables, tensors });
    weight.dispose();
  });

  it('of one optimizer in two models is two', () => {
    const optimizer = new SGD({ learningRate: 1, momentum: 0.5 });
    withRig(optimizer, { w: PAIR }, (one) => {
      withRig(optimizer, { w: PAIR }, (two) => {
        one.step({ w: PAIR });
        expect(numbersOf(one.state.slotsOf('w').velocity!)).toEqual([-1, -2]);
        expect(numbersOf(two.state.slotsOf('w').velocity!)).toEqual([0, 0]);
      });
    });
  });
});
