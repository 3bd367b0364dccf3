import { expect, it } from '@jest/globals';
import { TraceError } from '../../src/core/errors.js';
import { RecordedFunction } from '../../src/engine/record/recorded-function.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import type { CallContext } from '../../src/layers/call-context.js';
import { BaseLayer } from '../../src/layers/base-layer.js';
import { Layer } from '../../src/layers/declarations.js';
import { footgunContract, losses, makeModel } from '../helpers/footgun.js';
import { thrownBy } from '../helpers/recording.js';

@Layer('test/noisy')
class Noisy extends BaseLayer {
  call(x: Tensor): Tensor {
    return tf.add(x, tf.randomNormal(x.shape)); // the line
  }
}

footgunContract('tf.randomNormal() inside call', {
  layer: () => new Noisy({ name: 'guilty' }),
  kind: 'host-draw',
  received: /tf\.randomNormal\(\), which draws in JavaScript: the recording would repeat one draw for ever/,
  fix: /context\.normal\(shape\) in a layer, or pass the numbers in/,
  file: import.meta.url,
  random: true,
});

const draws: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  'tf.dropout': (x) => tf.dropout(x, 0.5),
  'tf.randomUniform': (x) => tf.randomUniform(x.shape),
  'tf.randomUniformInt': (x) => tf.randomUniformInt(x.shape, 0, 9),
  'tf.randomStandardNormal': (x) => tf.randomStandardNormal(x.shape),
  'tf.truncatedNormal': (x) => tf.truncatedNormal(x.shape),
  'tf.randomGamma': (x) => tf.randomGamma(x.shape, 2),
  'tf.multinomial': (x) => tf.multinomial(x as tf.Tensor2D, 3),
};

it.each(Object.entries(draws))('%s is refused by its name', (name, draw) => {
  const x = tf.ones([2, 3]);
  const error = thrownBy(() => RecordedFunction.record('draw', [x], () => tf.tidy(() => [draw(x)])));
  expect(error).toBeInstanceOf(TraceError);
  expect((error as TraceError).kind).toBe('host-draw');
  expect((error as TraceError).received).toContain(`${name}()`);
  x.dispose();
});

it('a draw with a seed of its own is the same in every step, recorded or not', async () => {
  const x = tf.ones([2, 3]);
  const draw = (): Tensor[] => tf.tidy(() => [tf.dropout(x, 0.5, undefined, 7)]);
  const recorded = RecordedFunction.record('seeded', [x], draw);
  const [first] = await recorded.call([x]);
  const [eager] = draw();
  expect(first!.dataSync()).toEqual(eager!.dataSync());
  recorded.dispose();
  tf.dispose([x, first!, eager!]);
});

@Layer('test/noisy-by-key')
class NoisyByKey extends BaseLayer {
  call(x: Tensor, context: CallContext): Tensor {
    return tf.add(x, context.normal(x.shape));
  }
}

it('draws by key can be recorded, and give the same numbers', async () => {
  const layer = () => new NoisyByKey({ name: 'guilty' });
  const [recorded, eager] = [makeModel('recorded', layer), makeModel('eager', layer)];
  const [a, b] = [await losses(recorded.model), await losses(eager.model)];
  for (const [i, loss] of a.entries()) expect(Math.abs(loss - b[i]!)).toBeLessThan(1e-5 * b[i]!);
  recorded.model.dispose();
  eager.model.dispose();
});
