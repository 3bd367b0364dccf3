import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { statelessNormal, statelessUniform } from '../../src/engine/random.js';
import { startEngine } from '../../src/engine/start-engine.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';

const COUNT = 100_000;
/** Five standard errors of the mean of COUNT draws of deviation at most 1. */
const MEAN_TOLERANCE = 5 / Math.sqrt(COUNT);

beforeEach(() => tf.engine().startScope());
afterEach(() => tf.engine().endScope());
const seed = (a: number, b: number): Tensor => tf.tensor1d([a, b], 'int32');
const mean = (x: Tensor): number => x.mean().dataSync()[0]!;

describe('stateless draws', () => {
  it('are the same for the same seed and others for another', () => {
    const first = statelessUniform([8], seed(1, 2)).dataSync();
    expect(statelessUniform([8], seed(1, 2)).dataSync()).toEqual(first);
    expect(statelessUniform([8], seed(1, 3)).dataSync()).not.toEqual(first);
    expect(statelessUniform([8], seed(2, 2)).dataSync()).not.toEqual(first);
  });

  it('are uniform in [0, 1)', () => {
    const x = statelessUniform([COUNT], seed(3, 4));
    expect(x.min().dataSync()[0]).toBeGreaterThanOrEqual(0);
    expect(x.max().dataSync()[0]).toBeLessThan(1);
    expect(Math.abs(mean(x) - 1 / 2)).toBeLessThan(MEAN_TOLERANCE);
    expect(Math.abs(mean(x.square()) - 1 / 3)).toBeLessThan(MEAN_TOLERANCE);
  });

  it('are normal with mean 0 and deviation 1', () => {
    const x = statelessNormal([COUNT / 100, 100], seed(5, 6));
    expect(x.shape).toEqual([COUNT / 100, 100]);
    expect(Math.abs(mean(x))).toBeLessThan(MEAN_TOLERANCE);
    expect(Math.abs(mean(x.square()) - 1)).toBeLessThan(Math.SQRT2 * MEAN_TOLERANCE);
    expect(Math.abs(mean(x.abs().less(1).cast('float32')) - 0.6827)).toBeLessThan(MEAN_TOLERANCE);
  });

  it('leave nothing behind but their result', () => {
    const key = seed(1, 1);
    const { tensors, handles } = startEngine().counters();
    statelessUniform([2], key).dispose();
    expect(() => statelessNormal([2], tf.tensor1d([1.5, 2]))).toThrow('StatelessRandomNormal');
    const after = startEngine().counters();
    // The wrong seed itself is still there.
    expect([after.tensors, after.handles]).toEqual([tensors + 1, handles + 2]);
  });
});
