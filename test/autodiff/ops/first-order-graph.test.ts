import { expect, it } from '@jest/globals';
import { valueAndGradients } from '../../../src/autodiff/value-and-gradients.js';
import { RecordedFunction } from '../../../src/engine/record/recorded-function.js';
import { tf, type Tensor } from '../../../src/engine/tfjs.js';
import { useTestEngine } from '../../helpers/engine.js';
import { floats } from '../../helpers/kernel-case.js';
import { opsOf } from '../../helpers/recording.js';

useTestEngine();

it('costs a first-order step nothing that second order is there', () => {
  const x = floats([2, 8, 8, 1]);
  const weights = [floats([3, 3, 1, 4]), floats([3, 3, 4, 4])] as [tf.Tensor4D, tf.Tensor4D];
  const step = (): Tensor[] =>
    tf.tidy(() => {
      const loss = (): Tensor => {
        const hidden = tf.maxPool(tf.relu(tf.conv2d(x as tf.Tensor4D, weights[0], 1, 'same')), 2, 2, 'valid');
        return tf.sum(tf.avgPool(tf.relu(tf.conv2d(hidden, weights[1], 1, 'same')), 2, 2, 'valid'));
      };
      const { value, gradients } = valueAndGradients(loss, weights);
      return [value, ...(gradients as Tensor[])];
    });
  const recorded = RecordedFunction.record('step', [x, ...weights], step);
  const plumbing = /^(Placeholder|Const|Cast|Reshape|Sum|Mul|Fill|OnesLike)$/;
  expect(opsOf(recorded.graph).filter((op) => !plumbing.test(op))).toEqual([
    'Conv2D',
    'MaxPool',
    'Relu',
    'Conv2D',
    'Relu',
    'AvgPool',
    'AvgPoolGrad',
    'ReluGrad',
    'Conv2DBackpropInput',
    'Conv2DBackpropFilter',
    'ReluGrad',
    'MaxPoolGrad',
    'Conv2DBackpropFilter',
  ]);
  recorded.dispose();
  tf.dispose([x, ...weights]);
});
