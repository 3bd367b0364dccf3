import { describe, expect, it } from '@jest/globals';
import { LookupError, OptionsError } from '../../src/core/errors.js';
import { tf } from '../../src/engine/tfjs.js';
import { dense } from '../../src/layers/dense.js';
import { regularizers, resolveRegularizer, type RegularizerLike } from '../../src/layers/regularizers.js';
import { checkGradient } from '../helpers/check-gradient.js';
import { useTestEngine } from '../helpers/engine.js';

describe('regularizers', () => {
  useTestEngine();

  it.each([regularizers.l1({ l1: 0.5 }), regularizers.l2({ l2: 0.25 }), regularizers.l1l2({ l1: 0.5, l2: 0.25 })])(
    '$name has the right gradient',
    (regularizer) => {
      const w = tf.tensor2d([
        [-1, 0.5],
        [2, -0.25],
      ]);
      checkGradient((at) => regularizer.penalty(at), [w]);
      w.dispose();
    },
  );

  it('does not push a weight that is zero', () => {
    tf.tidy(() => {
      const gradient = tf.grad((w) => regularizers.l1({ l1: 1 }).penalty(w))(tf.tensor1d([0, -2, 3]));
      expect(Array.from(gradient.dataSync())).toEqual([0, -1, 1]);
    });
  });

  it('comes back from JSON with its factors', () => {
    const stored = JSON.parse(JSON.stringify(regularizers.l1l2({ l1: 0.1, l2: 0.2 }))) as RegularizerLike;
    expect(JSON.stringify(resolveRegularizer(stored, 'a test'))).toBe('{"name":"l1l2","l1":0.1,"l2":0.2}');
  });

  it('reaches the weight that it is given for', () => {
    const layer = dense({ units: 2, kernelRegularizer: 'l2', biasRegularizer: regularizers.l1() });
    layer.build([null, 3]);
    expect([layer.kernel.regularizer?.name, layer.bias.regularizer?.name]).toEqual(['l2', 'l1']);
    layer.dispose();
  });

  it('refuses what it does not know', () => {
    const resolve = (like: unknown) => () => resolveRegularizer(like as RegularizerLike, 'a test');
    expect(resolve('l3')).toThrow(LookupError);
    expect(resolve('l3')).toThrow(/did you mean/);
    expect(resolve(4)).toThrow(/\[regularizer-type\]/);
    expect(resolve({ name: 'l2', l1: 1 })).toThrow(/\[unknown-option\]/);
    expect(() => regularizers.l2({ l2: -1 })).toThrow(OptionsError);
    expect(() => dense({ units: 1, kernelRegularizer: 'L5' as RegularizerLike })).toThrow(/did you mean "l1"/);
  });
});
