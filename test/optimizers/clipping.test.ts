import { describe, expect, it } from '@jest/globals';
import { OptionsError } from '../../src/core/errors.js';
import { optionNames } from '../../src/core/parse-options.js';
import { startEngine } from '../../src/engine/start-engine.js';
import { tf } from '../../src/engine/tfjs.js';
import { ClipOptions, clipTransform } from '../../src/optimizers/clip-options.js';
import { useTestEngine } from '../helpers/engine.js';
import { noteEquality } from '../helpers/note-equality.js';
import { relativeError } from '../helpers/optimizer-contract.js';

useTestEngine();

/** A few roundings of float32: square, sum, root, quotient, product. */
const CLIP_TOLERANCE = 4e-7;
const BIG = 2 ** 100;

type Gradients = Record<string, readonly number[]>;

function clip(options: object, gradients: Gradients): Record<string, number[]> {
  const tensors = new Map(Object.entries(gradients).map(([path, values]) => [path, tf.tensor1d([...values])]));
  const before = startEngine().counters().tensors;
  const clipped = clipTransform(options).transform(tensors, new Map());
  expect(startEngine().counters().tensors - before).toBeLessThanOrEqual(tensors.size);
  const numbers = [...clipped].map(([path, tensor]) => [path, Array.from(tensor.dataSync())] as const);
  tf.dispose([...tensors.values(), ...clipped.values()]);
  return Object.fromEntries(numbers);
}

function expectClose(actual: Record<string, number[]>, expected: Gradients): void {
  expect(Object.keys(actual)).toEqual(Object.keys(expected));
  for (const [path, values] of Object.entries(expected)) {
    const error = relativeError(actual[path]!, values);
    noteEquality('clipping by norm and global norm, against hand computation', error, CLIP_TOLERANCE);
    expect(error).toBeLessThan(CLIP_TOLERANCE);
  }
}

describe('clip by value', () => {
  it('limits every element', () => {
    expect(clip({ value: 1.5 }, { a: [-3, -1.5, 0, 1, 2, Infinity], b: [-Infinity] })).toEqual({
      a: [-1.5, -1.5, 0, 1, 1.5, 1.5],
      b: [-1.5],
    });
  });

  it('does not hide NaN', () => {
    expect(clip({ value: 1 }, { a: [NaN, 2, NaN, NaN, 0.5, NaN, NaN, NaN, NaN] }).a).toEqual([
      NaN,
      1,
      NaN,
      NaN,
      0.5,
      NaN,
      NaN,
      NaN,
      NaN,
    ]);
  });
});

describe('clip by norm', () => {
  it('limits the norm of each gradient on its own', () => {
    expectClose(clip({ norm: 1 }, { a: [3, 4], b: [0.3, 0.4] }), { a: [0.6, 0.8], b: [0.3, 0.4].map(Math.fround) });
  });

  it('keeps the bits of gradients within the limit, and zeros', () => {
    const within = [0.1, -0.2, 0.3].map(Math.fround);
    expect(clip({ norm: 1 }, { a: within, b: [0, -0] })).toEqual({ a: within, b: [0, -0] });
  });

  it('is right where the square of the norm overflows', () => {
    expectClose(clip({ norm: 10 }, { a: [3 * BIG, -4 * BIG] }), { a: [6, -8] });
  });

  it('makes a gradient whose norm is not finite NaN, and no other', () => {
    const clipped = clip({ norm: 1 }, { a: [1, NaN], b: [1, -Infinity], c: [0.5] });
    expect(clipped).toEqual({ a: [NaN, NaN], b: [NaN, NaN], c: [0.5] });
  });
});

describe('clip by global norm', () => {
  it('scales all gradients by one factor', () => {
    expectClose(clip({ globalNorm: 1 }, { a: [3, 0], b: [4] }), { a: [0.6, 0], b: [0.8] });
    expectClose(clip({ globalNorm: 6.5 }, { a: [3, 4], b: [12] }), { a: [1.5, 2], b: [6] });
  });

  it('keeps the bits of gradients within the limit, and zeros', () => {
    const within = { a: [3, 4].map(Math.fround), b: [0.1, -0].map(Math.fround) };
    expect(clip({ globalNorm: 5.1 }, within)).toEqual(within);
    expect(clip({ globalNorm: 1e-3 }, { a: [0, -0], b: [0] })).toEqual({ a: [0, -0], b: [0] });
  });

  it('is right where the square of the norm overflows', () => {
    expectClose(clip({ globalNorm: 5 }, { a: [3 * BIG], b: [-4 * BIG], c: [1] }), {
      a: [3],
      b: [-4],
      c: [5 / BIG / 5],
    });
  });

  it('makes every gradient NaN where the norm is not finite', () => {
    for (const bad of [NaN, Infinity, -Infinity]) {
      expect(clip({ globalNorm: 1 }, { a: [1, 2], b: [bad] })).toEqual({ a: [NaN, NaN], b: [NaN] });
    }
  });

  it('takes no gradients for what they are', () => {
    expect(clip({ globalNorm: 1 }, {})).toEqual({});
  });
});

describe('clip options', () => {
  const refused: Record<keyof ClipOptions, unknown[]> = {
    value: [0, -1, NaN, Infinity, '1'],
    norm: [0, -1, NaN, Infinity, '1'],
    globalNorm: [0, -1, NaN, Infinity, '1'],
    adaptive: [0, -1, NaN, Infinity, '1'],
    only: [3, {}],
  };

  it('are positive finite numbers', () => {
    expect(Object.keys(refused)).toEqual([...optionNames(ClipOptions)]);
    for (const [name, values] of Object.entries(refused)) {
      for (const value of values) {
        const error = errorOf(name === 'only' ? { norm: 1, only: value } : { [name]: value });
        expect(error).toMatchObject({ kind: 'invalid-option', where: `option "${name}" of clip` });
      }
    }
  });

  it('are exactly one', () => {
    expect(errorOf({})).toMatchObject({ kind: 'clip-choice', received: 'none of them' });
    expect(errorOf({ value: undefined })).toMatchObject({ kind: 'clip-choice' });
    expect(errorOf({ value: 1, globalNorm: 2 })).toMatchObject({
      kind: 'clip-choice',
      received: 'value and globalNorm',
    });
    expect(clipTransform({ value: 1, norm: undefined }).name).toBe('clipByValue');
  });

  it('are known by name', () => {
    expect(errorOf({ globalnorm: 1 })).toMatchObject({ kind: 'unknown-option', fix: 'did you mean "globalNorm"?' });
  });
});

function errorOf(options: object): unknown {
  try {
    clipTransform(options);
  } catch (error) {
    expect(error).toBeInstanceOf(OptionsError);
    return error;
  }
  return undefined;
}
