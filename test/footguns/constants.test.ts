import { expect, it } from '@jest/globals';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { BaseLayer } from '../../src/layers/base-layer.js';
import { Layer } from '../../src/layers/declarations.js';
import { useTestEngine } from '../helpers/engine.js';
import { losses, makeModel } from '../helpers/footgun.js';

useTestEngine();

/** Multiplies by a matrix that somebody else made. */
@Layer('test/fixed-matrix')
class FixedMatrix extends BaseLayer {
  matrix: Tensor | undefined;

  call(x: Tensor): Tensor {
    const columns = this.matrix!.shape[1]!;
    return tf.slice(tf.matMul(x, this.matrix!), [0, 0], [x.shape[0]!, Math.min(3, columns)]);
  }
}

it('a tensor made outside keeps the value that it had, also once it is disposed', async () => {
  const layer = new FixedMatrix({ name: 'guilty' });
  layer.matrix = tf.eye(3);
  const { model, warnings } = makeModel('recorded', () => layer);
  const whole = await losses(model, 1);
  layer.matrix.dispose();
  // The recording lives on; the check before the first batch runs the layer anew, and that fails.
  await expect(losses(model, 1)).rejects.toThrow();
  layer.matrix = tf.zeros([3, 3]);
  expect((await losses(model, 1))[0]).toBeLessThan(whole[0]!);
  expect(warnings).toEqual([]);
  layer.matrix.dispose();
  model.dispose();
});

it('a big one is reported once, with its op, its layer and its size', async () => {
  const layer = new FixedMatrix({ name: 'guilty' });
  layer.matrix = tf.ones([3, 2 ** 17]);
  const { model, warnings } = makeModel('recorded', () => layer);
  await losses(model);
  const big = warnings.filter((warning) => warning.includes('constant'));
  expect(big.length).toBeGreaterThan(0);
  expect(big[0]).toMatch(
    /op \w*MatMul\w* of layer "guilty" of model "net".* takes a constant of 1\.5 MiB, shape \[3, 131072\]/,
  );
  expect(big[0]).toContain('declare it with @Weight');
  const { length } = warnings;
  await losses(model);
  expect(warnings).toHaveLength(length);
  layer.matrix.dispose();
  model.dispose();
});
