import { describe, expect, it } from '@jest/globals';
import { logitsOf, rememberLogits } from '../../src/autodiff/logits-origin.js';
import { logSoftmax, sigmoid, softmax } from '../../src/autodiff/ops/softmax.js';
import { tf } from '../../src/engine/tfjs.js';
import { useTestEngine } from '../helpers/engine.js';

describe('logits origin', () => {
  useTestEngine();

  it('is known of what the probability functions give', () => {
    tf.tidy(() => {
      const x = tf.tensor2d([[1, 2]]);
      expect(logitsOf(softmax(x))).toEqual({ logits: x, kind: 'softmax' });
      expect(logitsOf(logSoftmax(x))?.kind).toBe('logSoftmax');
      expect(logitsOf(sigmoid(x))?.kind).toBe('sigmoid');
      expect(logitsOf(tf.softmax(x))).toBeUndefined();
      expect(logitsOf(softmax(x, 0))).toBeUndefined();
    });
  });

  it('is forgotten with the logits', () => {
    const logits = tf.scalar(1);
    const output = rememberLogits(tf.scalar(2), logits, 'sigmoid');
    logits.dispose();
    expect(logitsOf(output)).toBeUndefined();
    output.dispose();
  });
});
