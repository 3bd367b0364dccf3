import { describe, expect, it } from '@jest/globals';
import { logitsOf } from '../../src/autodiff/logits-origin.js';
import { LookupError, OptionsError } from '../../src/core/errors.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { ACTIVATION_NAMES, resolveActivation, type ActivationLike } from '../../src/layers/activations.js';
import { Activation } from '../../src/layers/activation.js';
import { checkGradient, checkSecondGradient } from '../helpers/check-gradient.js';
import { useTestEngine } from '../helpers/engine.js';

describe('activations', () => {
  useTestEngine();
  const points = (): Tensor =>
    tf.tensor2d([
      [-3.1, -0.9, -0.2],
      [0.15, 0.8, 2.9],
    ]);

  it.each(ACTIVATION_NAMES)('%s has the right gradient, tails included', (name) => {
    const activation = resolveActivation(name, 'a test');
    const [x, tails] = [points(), tf.tensor2d([[-30, -100, 100, 30]])];
    checkGradient(activation, [x]);
    checkGradient(activation, [tails]);
    tf.dispose([x, tails]);
  });

  it.each(ACTIVATION_NAMES)('%s has the right second-order gradient', (name) => {
    const activation = resolveActivation(name, 'a test');
    const x = points();
    // The square makes second orders that are zero by themselves, such as relu's, part of a larger expression.
    checkSecondGradient((at) => tf.square(activation(at)), [x]);
    x.dispose();
  });

  it.each(ACTIVATION_NAMES)('%s and its gradients stay finite at 100 from zero in single precision', (name) => {
    tf.tidy(() => {
      const activation = resolveActivation(name, 'a test');
      const x = tf.tensor2d([[-100, 100, 0]]);
      const first = (at: Tensor): Tensor => tf.grad((y: Tensor) => tf.square(activation(y)))(at);
      const second = tf.grad(first)(x);
      for (const result of [activation(x), first(x), second]) {
        expect(Array.from(result.dataSync()).every(Number.isFinite)).toBe(true);
      }
    });
  });

  it.each(['softmax', 'logSoftmax', 'sigmoid'] as const)('%s remembers its logits for the loss', (name) => {
    tf.tidy(() => {
      const x = points();
      const output = new Activation({ activation: name }).call(x);
      expect(logitsOf(output)).toEqual({ logits: x, kind: name });
    });
  });

  it('takes a function', () => {
    const double = (x: Tensor): Tensor => tf.mul(x, 2);
    expect(resolveActivation(double, 'a test')).toBe(double);
  });

  it('names the nearest known activation', () => {
    expect(() => resolveActivation('leakyrelu' as ActivationLike, 'layer "a"')).toThrow(LookupError);
    expect(() => resolveActivation('leakyrelu' as ActivationLike, 'layer "a"')).toThrow(
      /activation of layer "a"[^]*did you mean "leakyRelu"\?/,
    );
    expect(() => resolveActivation(3 as unknown as ActivationLike, 'layer "a"')).toThrow(/\[activation-type\]/);
  });

  it('refuses a misspelt name when the layer is made', () => {
    const make = () => new Activation({ activation: 'sofmax' as ActivationLike });
    expect(make).toThrow(OptionsError);
    expect(make).toThrow(/\[invalid-option\] option "activation" of layer Activation[^]*did you mean "softmax"/);
  });
});
