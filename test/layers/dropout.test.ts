import { describe, expect, it } from '@jest/globals';
import { engine } from '../../src/engine/start-engine.js';
import { tf } from '../../src/engine/tfjs.js';
import { CallContext } from '../../src/layers/call-context.js';
import { Dropout } from '../../src/layers/dropout.js';
import { layerContract } from '../helpers/layer-contract.js';

layerContract(Dropout, { options: () => ({ rate: 0.4 }), inputShape: [3, 5] });

describe('dropout', () => {
  /** Six standard errors of a share that is estimated from 20,000 draws. */
  const SHARE_TOLERANCE = 6 * Math.sqrt((0.3 * 0.7) / 20_000);
  const run = (seed: number, step?: number): number[] =>
    tf.tidy(() => {
      const context = new CallContext({
        training: true,
        seed,
        step: step === undefined ? undefined : tf.scalar(step, 'int32'),
      });
      return new Dropout({ rate: 0.3 }).call(tf.ones([20_000]), context).arraySync() as number[];
    }) as unknown as number[];

  it('drops its share and scales the rest up', () => {
    const output = run(1);
    const kept = output.filter((value) => value !== 0);
    expect(kept.every((value) => value === Math.fround(1 / 0.7))).toBe(true);
    expect(Math.abs(1 - kept.length / output.length - 0.3)).toBeLessThan(SHARE_TOLERANCE);
  });

  it('drops nothing in a training call without dropout, as a gradient check makes it', () => {
    const context = new CallContext({ training: true, dropout: false });
    const output = tf.tidy(() => new Dropout({ rate: 0.5 }).call(tf.range(0, 64), context).arraySync() as number[]);
    expect(output).toEqual(Array.from({ length: 64 }, (_, i) => i));
  });

  it('draws by seed and step', () => {
    expect(run(1, 4)).toEqual(run(1, 4));
    expect(run(1, 4)).not.toEqual(run(1, 5));
    expect(run(1, 4)).not.toEqual(run(2, 4));
  });

  it('drops other elements in a second call of the same step, and in a layer of another path', () => {
    tf.tidy(() => {
      const context = new CallContext({ training: true });
      const dropout = new Dropout({ rate: 0.5 });
      const first = dropout.call(tf.ones([64]), context).dataSync();
      expect(dropout.call(tf.ones([64]), context).dataSync()).not.toEqual(first);
    });
  });

  it('runs no op in inference', () => {
    tf.tidy(() => {
      const x = tf.ones([4]);
      const before = engine().counters().executedOps;
      const output = new Dropout({ rate: 0.5 }).call(x);
      expect(engine().counters().executedOps).toBe(before);
      expect(Array.from(output.dataSync())).toEqual([1, 1, 1, 1]);
    });
  });
});
