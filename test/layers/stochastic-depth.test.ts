import { describe, expect, it } from '@jest/globals';
import { tf } from '../../src/engine/tfjs.js';
import { CallContext } from '../../src/layers/call-context.js';
import { layers } from '../../src/layers/layers.js';
import { linearDepthRates, StochasticDepth } from '../../src/layers/stochastic-depth.js';
import { layerContract } from '../helpers/layer-contract.js';
import { useTestEngine } from '../helpers/engine.js';

layerContract(StochasticDepth, { options: () => ({ rate: 0.4 }), inputShape: [3, 5] });

describe('stochastic depth', () => {
  useTestEngine();

  /** Six standard errors of a share that is estimated from 20,000 draws. */
  const SHARE_TOLERANCE = 6 * Math.sqrt((0.3 * 0.7) / 20_000);
  const run = (options: { rate: number; per?: 'example' | 'batch' }, shape: number[], training = true, seed = 1) =>
    tf.tidy(() => {
      const context = new CallContext({ training, seed });
      return [...new StochasticDepth(options).call(tf.ones(shape), context).dataSync()];
    }) as unknown as number[];

  it('drops whole examples, as often as it says, and scales nothing', () => {
    const output = run({ rate: 0.3 }, [20_000, 2]);
    const firsts = output.filter((_, i) => i % 2 === 0);
    expect(output.filter((_, i) => i % 2 === 1)).toEqual(firsts);
    expect(new Set(output)).toEqual(new Set([0, 1]));
    expect(Math.abs(firsts.filter((value) => value === 0).length / firsts.length - 0.3)).toBeLessThan(SHARE_TOLERANCE);
  });

  it('drops the whole batch or none of it under per: batch', () => {
    const outcomes = Array.from(
      { length: 20 },
      (_, seed) => new Set(run({ rate: 0.5, per: 'batch' }, [8, 3], true, seed)),
    );
    expect(outcomes.every((values) => values.size === 1)).toBe(true);
    expect(new Set(outcomes.flatMap((values) => [...values]))).toEqual(new Set([0, 1]));
  });

  it('lets the expectation pass in evaluation and in a gradient check', () => {
    expect(run({ rate: 0.25 }, [2, 2], false)).toEqual([0.75, 0.75, 0.75, 0.75]);
    const checked = tf.tidy(() => {
      const context = new CallContext({ training: true, dropout: false });
      return [...new StochasticDepth({ rate: 0.25 }).call(tf.ones([2]), context).dataSync()];
    }) as unknown as number[];
    expect(checked).toEqual([0.75, 0.75]);
    expect(run({ rate: 0 }, [3])).toEqual([1, 1, 1]);
  });

  it('leaves the input of a residual block whose branch it drops', () => {
    const block = layers.residual({ body: [layers.dense({ units: 2 }), layers.stochasticDepth({ rate: 0.5 })] });
    tf.tidy(() => {
      const x = tf.tensor2d(Array.from({ length: 40 }, (_, i) => [i + 1, -i]));
      const context = new CallContext({ training: true, seed: 3 });
      const output = block.call(x, context).arraySync() as number[][];
      const same = output.filter(([a, b], i) => a === i + 1 && b === -i);
      expect(same.length).toBeGreaterThan(5);
      expect(same.length).toBeLessThan(35);
    });
    block.dispose();
  });

  it.each([[-0.1], [1], [NaN]])('refuses the rate %p', (rate) => {
    expect(() => layers.stochasticDepth({ rate })).toThrow(/option "rate"/);
    expect(() => linearDepthRates(3, rate)).toThrow(/option "lastRate" of linearDepthRates/);
  });

  it('knows the linear decay rule', () => {
    expect(linearDepthRates(4, 0.5)).toEqual([0.125, 0.25, 0.375, 0.5]);
    expect(linearDepthRates(1, 0)).toEqual([0]);
    for (const blocks of [0, -1, 1.5, NaN]) expect(() => linearDepthRates(blocks, 0.5)).toThrow(/option "blocks"/);
  });
});
