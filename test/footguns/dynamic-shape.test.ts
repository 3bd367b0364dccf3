import { expect, it } from '@jest/globals';
import { TraceError } from '../../src/core/errors.js';
import { RecordedFunction } from '../../src/engine/record/recorded-function.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { BaseLayer } from '../../src/layers/base-layer.js';
import { Layer } from '../../src/layers/declarations.js';
import { footgunContract } from '../helpers/footgun.js';
import { thrownBy } from '../helpers/recording.js';

@Layer('test/distinct')
class Distinct extends BaseLayer {
  call(x: Tensor): Tensor {
    const sumOfDistinct = tf.customGrad((at) => {
      const { values } = tf.unique(tf.round(at as Tensor).flatten()); // the line
      return { value: tf.sum(values), gradFunc: () => tf.zerosLike(at as Tensor) };
    });
    return tf.mul(x, sumOfDistinct(x));
  }
}

footgunContract('tf.unique() inside call', {
  layer: () => new Distinct({ name: 'guilty' }),
  kind: 'dynamic-shape',
  received: /op UniqueV2, whose result is as long as the values say/,
  fix: /mask with tf\.where\(\)/,
  file: import.meta.url,
});

const reads: Readonly<Record<string, (x: Tensor) => Promise<Tensor>>> = {
  'tf.booleanMaskAsync': (x) => tf.booleanMaskAsync(x, tf.greater(x, 0)),
  'tf.whereAsync': (x) => tf.whereAsync(tf.greater(x, 0)),
};

it.each(Object.entries(reads))('%s reads on the host, and is refused for it', (_, read) => {
  const x = tf.tensor1d([1, -1]);
  const pending: Promise<Tensor>[] = [];
  const error = thrownBy(() =>
    RecordedFunction.record('dynamic', [x], () => {
      pending.push(read(x));
      return [tf.neg(x)];
    }),
  );
  expect(error).toBeInstanceOf(TraceError);
  expect((error as TraceError).kind).toBe('host-read');
  expect(pending).toHaveLength(1);
  x.dispose();
});
