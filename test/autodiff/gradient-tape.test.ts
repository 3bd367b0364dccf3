import { describe, expect, it } from '@jest/globals';
import '../../src/container.js';
import { gradientTape } from '../../src/autodiff/gradient-tape.js';
import { grad } from '../../src/autodiff/grad.js';
import { noGrad } from '../../src/autodiff/no-grad.js';
import { tapeEngine } from '../../src/autodiff/tape.js';
import { inFloat64, readFloat64 } from '../../src/engine/float64.js';
import { CallContext } from '../../src/layers/call-context.js';
import { layers } from '../../src/layers/layers.js';
import { Sequential } from '../../src/model/sequential.js';
import { recorded } from '../../src/engine/record/recorded.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { useTestEngine } from '../helpers/engine.js';

const numbers = (tensor: Tensor) => [...tensor.dataSync()];

describe('gradientTape', () => {
  useTestEngine();

  it('differentiates several results by several sources, and again', () => {
    tf.tidy(() => {
      using tape = gradientTape();
      const x = tape.watch(tf.tensor1d([1, 2]));
      const y = tape.watch(tf.scalar(3));
      const product = tf.mul(tf.square(x), y);
      const total = tf.sum(product);
      const other = tf.sum(tf.exp(x));
      expect(tape.gradient(total, [x, y]).map(numbers)).toEqual([[6, 12], [5]]);
      expect(tape.gradient(total, { x, product }).product.dataSync()).toEqual(new Float32Array([1, 1]));
      expect(numbers(tape.gradient(other, x))[0]).toBeCloseTo(Math.E, 5);
      expect(numbers(tape.gradient(product, y, { cotangent: tf.tensor1d([1, 10]) }))).toEqual([41]);
      expect(numbers(tape.gradient(other, y))).toEqual([0]);
      expect(tape.gradient(other, y, { unused: 'null' })).toBeNull();
      expect(numbers(tape.gradient(y, y))).toEqual([1]);
    });
  });

  it('takes second orders of what it recorded itself', () => {
    const third = inFloat64(() =>
      tf.tidy(() => {
        using tape = gradientTape();
        const x = tape.watch(tf.scalar(0.5));
        const first = tape.gradient(tf.sigmoid(tf.square(x)), x);
        const second = tape.gradient(first, x);
        return readFloat64(tape.gradient(second, x))[0]!;
      }),
    );
    // By differentiating s(x^2) by hand, s = 1 / (1 + e^-u): 12 x s'' + 8 x^3 s'''.
    const s = 1 / (1 + Math.exp(-0.25));
    const s2 = s * (1 - s) * (1 - 2 * s);
    const s3 = s * (1 - s) * (1 - 6 * s + 6 * s * s);
    expect(Math.abs(third - (12 * 0.5 * s2 + 8 * 0.125 * s3))).toBeLessThan(1e-12);
  });

  it('is transparent to a grad around it, and records a grad inside of it', () => {
    tf.tidy(() => {
      // d/dx (d/dx x^3)^2 = d/dx 9 x^4 = 36 x^3
      const around = grad((x: Tensor) => {
        using tape = gradientTape();
        tape.watch(x);
        const slope = tape.gradient(tf.pow(x, 3), x);
        return tf.square(slope);
      });
      expect(numbers(around(tf.scalar(2)))[0]).toBeCloseTo(36 * 8, 3);
      using tape = gradientTape();
      const x = tape.watch(tf.scalar(2));
      const slope = grad((at: Tensor) => tf.pow(at, 3))(x);
      expect(numbers(tape.gradient(slope, x))[0]).toBeCloseTo(12, 4);
    });
  });

  it('records from its creation only, and leaves out what noGrad runs', () => {
    tf.tidy(() => {
      using outer = gradientTape();
      const x = outer.watch(tf.scalar(3));
      const square = tf.square(x);
      using inner = gradientTape();
      inner.watch([x, square]);
      const y = tf.mul(square, square);
      expect(numbers(inner.gradient(y, square))).toEqual([18]);
      expect(numbers(inner.gradient(y, x))).toEqual([0]);
      expect(numbers(outer.gradient(y, x))).toEqual([4 * 27]);
      const recordedSoFar = tapeEngine().state.activeTape!.length;
      const unrecorded = noGrad(() => outer.gradient(y, x));
      expect(tapeEngine().state.activeTape!.length).toBe(recordedSoFar);
      expect(numbers(outer.gradient(tf.mul(unrecorded, x), x))).toEqual([108]);
    });
  });

  it('leaves nothing behind, in any order of disposal and after a throw', () => {
    const x = tf.scalar(2);
    const before = tf.memory().numTensors;
    const first = gradientTape();
    const second = gradientTape();
    const y = tf.exp(x);
    first.dispose();
    first.dispose();
    second.watch(x);
    const gradient = second.gradient(y, x);
    expect(numbers(gradient)[0]).toBeCloseTo(Math.exp(2), 4);
    second.dispose();
    tf.dispose([y, gradient]);
    expect(tf.memory().numTensors).toBe(before);
    expect(() => {
      using tape = gradientTape();
      tape.watch(x);
      tf.tidy(() => {
        tf.sigmoid(tf.exp(x)).dataSync();
      });
      throw new Error('mine');
    }).toThrow('mine');
    expect(tf.memory().numTensors).toBe(before);
    expect(tapeEngine().state.gradientDepth).toBe(0);
    x.dispose();
  });

  it('may outlive the grad that it was made in', () => {
    const x = tf.scalar(2);
    const before = tf.memory().numTensors;
    let left: Disposable | undefined;
    const gradient = grad((at: Tensor) => {
      left = gradientTape();
      return tf.square(tf.exp(at));
    })(x);
    left![Symbol.dispose]();
    expect(numbers(gradient)[0]).toBeCloseTo(2 * Math.exp(4), 3);
    gradient.dispose();
    expect(tf.memory().numTensors).toBe(before);
    expect(tapeEngine().state.gradientDepth).toBe(0);
    x.dispose();
  });

  it('keeps no more after a thousand gradients that are not recorded', () => {
    const x = tf.tensor1d([1, 2]);
    const tape = gradientTape();
    tape.watch(x);
    const y = tf.tidy(() => tf.sum(tf.sigmoid(x)));
    const before = tf.memory().numTensors;
    for (let i = 0; i < 1000; i++) noGrad(() => tape.gradient(y, x)).dispose();
    expect(tf.memory().numTensors).toBe(before);
    tape.dispose();
    tf.dispose([x, y]);
  });

  it('differentiates by the weights that a model is given', () => {
    const model = new Sequential([layers.dense({ units: 1, useBias: false })]);
    model.build([null, 2]);
    tf.tidy(() => {
      const x = tf.tensor2d([[3, 4]]);
      using tape = gradientTape();
      const weights = tape.watch(model.trainableWeightTensors());
      const total = model.withWeights(weights, () => tf.sum(model.call(x, new CallContext({}))));
      expect(Object.values(tape.gradient(total, weights)).map(numbers)).toEqual([[3, 4]]);
    });
    model.dispose();
  });

  it('is recorded', async () => {
    const run = recorded((x: Tensor) => {
      using tape = gradientTape();
      tape.watch(x);
      const slope = tape.gradient(tf.sum(tf.exp(x)), x);
      return [slope, tape.gradient(tf.sum(slope), x)];
    });
    const x = tf.tensor1d([0, 1]);
    const [first, second] = await run(x);
    expect(numbers(second!)[1]).toBeCloseTo(Math.E, 5);
    run.dispose();
    tf.dispose([x, first!, second!]);
  });

  it('refuses what has no gradient', () => {
    const x = tf.tensor1d([1, 2]);
    const integers = tf.tensor1d([1], 'int32');
    const gone = tf.scalar(1);
    gone.dispose();
    const tape = gradientTape();
    const y = tf.square(x);
    expect(() => tape.gradient(y, x)).toThrow(/\[not-scalar\]/);
    expect(() => tape.gradient(3 as never, x)).toThrow(/\[not-scalar\]/);
    const total = tf.sum(y);
    expect(() => tape.gradient(total, { x })).toThrow(/\[not-watched\] "x" of the source/);
    expect(() => tape.watch(integers)).toThrow(/\[integer-input\]/);
    expect(() => tape.watch(gone)).toThrow(/\[disposed-input\]/);
    tape.watch(x);
    expect(() => tape.gradient(y, x, { cotangent: total })).toThrow(/\[cotangent-mismatch\]/);
    expect(() => tape.gradient(total, x, { unused: 'none' as never })).toThrow(/"zeros" or "null"/);
    tape.dispose();
    expect(() => tape.gradient(total, x)).toThrow(/\[tape-disposed\] GradientTape.gradient/);
    expect(() => tape.watch(x)).toThrow(/\[tape-disposed\] GradientTape.watch/);
    tf.dispose([x, y, total, integers]);
  });
});
