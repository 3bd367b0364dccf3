import { describe, expect, it } from '@jest/globals';
import { RecordedFunction } from '../../src/engine/record/recorded-function.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { BaseLayer } from '../../src/layers/base-layer.js';
import { Layer } from '../../src/layers/declarations.js';
import { useTestEngine } from '../helpers/engine.js';
import { footgunContract } from '../helpers/footgun.js';
import { thrownBy, valuesOf } from '../helpers/recording.js';

/** Warms up: a factor that grows with every call. */
@Layer('test/counting')
class Counting extends BaseLayer {
  private calls = 0;

  call(x: Tensor): Tensor {
    this.calls++;
    return tf.mul(x, this.calls / 100); // the line
  }
}

footgunContract('a counter in JavaScript', {
  layer: () => new Counting({ name: 'guilty' }),
  kind: 'unsteady',
  received: /op Mul on the number 0\.0\d+ in one run and 0\.0\d+ in the next/,
  fix: /keep counters and schedules in a weight or a Variable/,
  file: import.meta.url,
  // Each mode calls the layer a different number of times.
  random: true,
});

describe('what changes from run to run', () => {
  useTestEngine();
  const record = (fn: (run: number) => Tensor): RecordedFunction => {
    let run = 0;
    return RecordedFunction.record('changing', [], () => tf.tidy(() => [fn(run++)]));
  };

  const changes: Readonly<Record<string, readonly [(run: number) => Tensor, RegExp]>> = {
    'a clock': [
      () => tf.add(process.hrtime.bigint().toString().length, tf.scalar(Number(process.hrtime()[1]))),
      /the number/,
    ],
    'a branch taken every other time': [
      (run) => (run % 2 === 0 ? tf.exp(1) : tf.neg(1)),
      /op \w+ in one run and \w+ in the next/,
    ],
    'an op done only sometimes': [(run) => (run % 2 === 0 ? tf.neg(tf.exp(1)) : tf.exp(1)), /op Neg/],
    'an attribute': [(run) => tf.leakyRelu(1, run), /op LeakyRelu with .* in one run/],
    'the order of two tensors': [
      (run) => {
        const [a, b] = [tf.exp(1), tf.sin(1)];
        return run % 2 === 0 ? tf.sub(a, b) : tf.sub(b, a);
      },
      /op Sub on another tensor/,
    ],
    'which tensor is returned': [
      (run) => {
        const both = [tf.exp(1), tf.sin(1)];
        return both[run % 2]!;
      },
      /a result on another tensor/,
    ],
    'the length of a constant': [
      (run) => tf.neg(tf.ones([run + 1])),
      /a constant of shape \[2\] in one run and \[3\] in the next/,
    ],
    'a text': [(run) => tf.stack([tf.tensor(`step ${run}`), tf.tensor('')]), /a constant that changes/],
  };

  it.each(Object.entries(changes))('%s is refused', (_, [fn, message]) => {
    const error = thrownBy(() => record(fn));
    expect(error.message).toMatch(/TraceError \[unsteady\]/);
    expect(error.message).toMatch(message);
  });

  it('a cache that the first run fills is fine', async () => {
    let cache: Tensor | undefined;
    const recorded = record(() => {
      cache ??= tf.keep(tf.range(0, 3).square());
      return tf.neg(cache);
    });
    expect(await valuesOf(recorded)).toEqual([[-0, -1, -4]]);
    recorded.dispose();
    cache!.dispose();
  });
});
