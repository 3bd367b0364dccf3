import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { EngineError } from '../../src/core/errors.js';
import { StateError } from '../../src/core/errors.js';
import type { DtypePolicy } from '../../src/engine/dtype-scope.js';
import { DATA_TYPES } from '../../src/engine/ffi/data-types.js';
import { inFloat64, isFloat64, readFloat64 } from '../../src/engine/float64.js';
import { statelessUniform } from '../../src/engine/random.js';
import { engine, startEngine } from '../../src/engine/start-engine.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { Variable } from '../../src/engine/variable.js';

/** A few roundings of doubles near one. */
const DOUBLE_ROUNDING = 1e-12;
/** More than float32 can be right by chance: its rounding is 6e-8. */
const SINGLE_ROUNDING = 1e-9;

let handles: number;
beforeAll(() => void startEngine());
beforeEach(() => {
  handles = engine().counters().handles;
  tf.engine().startScope();
});
afterEach(() => {
  tf.engine().endScope();
  expect(engine().counters().handles).toBe(handles);
});

const trueType = (tensor: Tensor): number => {
  const { backend } = engine();
  return backend.binding.trueType(backend.nativeId(tensor));
};
/** Values that float32 holds exactly, so that only the arithmetic is tested. */
const X = [-1.5, -0.25, 0.0625, 1, 2.75];
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

describe('inFloat64', () => {
  it.each<[string, (x: Tensor) => Tensor, (x: number) => number]>([
    ['exp', tf.exp, Math.exp],
    ['sin', tf.sin, Math.cos],
    ['sigmoid', tf.sigmoid, (x) => sigmoid(x) * (1 - sigmoid(x))],
    ['tanh', tf.tanh, (x) => 1 - Math.tanh(x) ** 2],
    ['x^3 through matMul', (x) => tf.matMul(x.square().reshape([1, -1]), x.reshape([-1, 1])), (x) => 3 * x * x],
  ])('gives the derivative of %s to 1e-12', (_, f, derivative) => {
    const gradient = tf.grad((x) => f(x).sum());
    const double = readFloat64(inFloat64(() => gradient(tf.tensor1d(X))));
    X.forEach((x, i) => expect(Math.abs(double[i]! - derivative(x))).toBeLessThan(DOUBLE_ROUNDING));
  });

  it('is what makes it so: outside the same gradient has the rounding of float32', () => {
    const single = readFloat64(tf.grad((x) => tf.exp(x).sum())(tf.tensor1d(X)));
    expect(Math.max(...X.map((x, i) => Math.abs(single[i]! - Math.exp(x))))).toBeGreaterThan(SINGLE_ROUNDING);
  });

  it('lets tfjs see float32 and rounds what dataSync reads', () => {
    const root = inFloat64(() => tf.sqrt(tf.scalar(2)));
    expect(root.dtype).toBe('float32');
    expect(trueType(root)).toBe(DATA_TYPES.float64);
    expect(root.dataSync()).toEqual(Float32Array.of(Math.SQRT2));
    expect(Math.abs(readFloat64(root)[0]! - Math.SQRT2)).toBeLessThan(DOUBLE_ROUNDING);
  });

  it('computes with complex numbers in double precision', () => {
    const product = inFloat64(() => {
      const third = tf.scalar(1).div(3);
      return tf.complex(third, third).mul(tf.complex(third, third.neg()));
    });
    expect([product.dtype, trueType(product)]).toEqual(['complex64', DATA_TYPES.complex128]);
    expect(Math.abs(readFloat64(product)[0]! - 2 / 9)).toBeLessThan(DOUBLE_ROUNDING);
    const spectrum = inFloat64(() => tf.real(tf.spectral.ifft(tf.spectral.fft(tf.complex([0.1, 0.2], [0, 0])))));
    expect(Math.abs(readFloat64(spectrum)[1]! - Math.fround(0.2))).toBeLessThan(DOUBLE_ROUNDING);
  });

  it('casts from and to other types by what is there', () => {
    const steps = inFloat64(() => tf.scalar(1).div(3).mul(9).round().cast('int32').cast('float32'));
    expect(Array.from(readFloat64(steps))).toEqual([3]);
    expect(trueType(steps)).toBe(DATA_TYPES.float64);
    expect(Array.from(inFloat64(() => tf.scalar(0.5).cast('bool')).dataSync())).toEqual([1]);
  });

  it('leaves a result that ordinary operations can use', () => {
    const double = inFloat64(() => tf.tensor1d([1, 2]).div(3));
    const sum = double.add(tf.tensor1d([1, 1]));
    expect(trueType(sum)).toBe(DATA_TYPES.float32);
    expect(sum.dataSync()[0]).toBeCloseTo(4 / 3, 6);
    expect(double.reshape([2, 1]).dataSync()).toEqual(double.dataSync());
  });

  it('leaves variables in their own type, and draws as they are outside', () => {
    const variable = Variable.create('weights', tf.tensor1d([0.5, 1.5]));
    const seed = tf.tensor1d([1, 2], 'int32');
    const [value, draw] = inFloat64(() => {
      variable.assign(variable.read().div(3));
      return [variable.read(), statelessUniform([4], seed)];
    });
    expect([trueType(value!), trueType(draw!)]).toEqual([DATA_TYPES.float32, DATA_TYPES.float32]);
    expect(value!.dataSync()).toEqual(Float32Array.of(0.5 / 3, 0.5));
    expect(draw!.dataSync()).toEqual(statelessUniform([4], seed).dataSync());
    variable.dispose();
  });

  it('is told by isFloat64, ends with an error too, and nests', () => {
    expect(isFloat64()).toBe(false);
    expect(inFloat64(() => inFloat64(isFloat64) && isFloat64())).toBe(true);
    expect(() =>
      inFloat64(() => {
        throw new Error('stop');
      }),
    ).toThrow('stop');
    expect(isFloat64()).toBe(false);
  });

  it('refuses a function whose work would outlive it', () => {
    expect(() => inFloat64(() => Promise.resolve(1))).toThrow(StateError);
  });

  it('refuses an op that has no double kernel, by its name', () => {
    const image = tf.ones([1, 4, 4, 1]) as tf.Tensor4D;
    const failure = (body: () => unknown): EngineError => {
      try {
        inFloat64(body);
      } catch (error) {
        return error as EngineError;
      }
      throw new Error('nothing was thrown');
    };
    const error = failure(() => tf.image.resizeBilinear(image, [2, 2]));
    expect([error.kind, error.where]).toEqual(['no-float64-kernel', 'op ResizeBilinear']);
    expect(error.fix).toContain('composed reference');
    expect(failure(() => tf.localResponseNormalization(image)).where).toBe('op LRN');
  });

  it('does not mend constants, which tfjs rounds to float32 before they arrive', () => {
    const tenth = inFloat64(() => readFloat64(tf.scalar(0.1).mul(1)));
    expect(tenth[0]).toBe(Math.fround(0.1));
  });
});

describe('a dtype policy', () => {
  it('chooses the type for each op, by its name and the types that come in', () => {
    const asked: [string, readonly number[]][] = [];
    const policy: DtypePolicy = {
      name: 'half products',
      floatType(opName, inputTypes) {
        asked.push([opName, inputTypes]);
        return opName === 'BatchMatMulV2' || opName === 'MatMul' ? DATA_TYPES.bfloat16 : DATA_TYPES.float32;
      },
    };
    const { dtypes } = engine().backend.binding;
    const [product, root] = dtypes.run(policy, () => {
      const x = tf.tensor2d([
        [1, 2],
        [3, 4.03125],
      ]);
      const made = tf.matMul(x, x);
      return [made, tf.sqrt(made)];
    });
    expect(trueType(product!)).toBe(DATA_TYPES.bfloat16);
    expect(trueType(root!)).toBe(DATA_TYPES.float32);
    expect(asked.at(-1)).toEqual(['Sqrt', [DATA_TYPES.bfloat16]]);
    expect([product!.dtype, product!.dataSync()[0]]).toEqual(['float32', 7]);
    expect(tf.add(product!, 1).dataSync()[0]).toBe(8);
  });
});
