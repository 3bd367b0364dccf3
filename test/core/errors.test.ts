import { describe, expect, it } from '@jest/globals';
import { AdjointError, EngineError, OptionsError, ShapeError } from '../../src/core/errors.js';
import { formatValue } from '../../src/core/format-value.js';
import { formatShape, shapeFits, sizeOf } from '../../src/core/shape.js';

describe('an error', () => {
  it('has the form kind, where, expected, received, fix', () => {
    const error = new ShapeError('input-rank', {
      where: 'layer "conv_1" (Conv2D) of model "digits"',
      expected: 'rank 4  [batch, height, width, channels]',
      received: 'rank 3  [128, 28, 28]',
      fix: 'add a channel axis',
    });
    expect(error.message.split('\n')).toEqual([
      'ShapeError [input-rank] layer "conv_1" (Conv2D) of model "digits"',
      '  expected  rank 4  [batch, height, width, channels]',
      '  received  rank 3  [128, 28, 28]',
      '  fix       add a channel axis',
    ]);
    expect(error).toBeInstanceOf(AdjointError);
    expect(error).not.toBeInstanceOf(OptionsError);
    expect(error.name).toBe('ShapeError');
    expect(error.kind).toBe('input-rank');
  });

  it('leaves out what it does not know, and aligns further lines', () => {
    const error = new EngineError('op-failed', { where: 'op Add', received: 'first\nsecond' });
    expect(error.message).toBe('EngineError [op-failed] op Add\n  received  first\n            second');
    expect(error.fix).toBeUndefined();
  });

  it('keeps its cause, and its message once at the top of the stack', () => {
    const cause = new Error('inner');
    const error = new EngineError('x', { where: 'here', cause });
    expect(error.cause).toBe(cause);
    expect(error.stack!.startsWith(error.message)).toBe(true);
    expect(error.stack!.split('EngineError [x]')).toHaveLength(2);
    expect(error.stack).toContain('errors.test');
    expect('cause' in new EngineError('x', { where: 'here' })).toBe(false);
  });
});

describe('formatValue', () => {
  it.each([
    [undefined, 'undefined'],
    [null, 'null'],
    ['a"b', '"a\\"b"'],
    ['x'.repeat(100), `"${'x'.repeat(77)}..."`],
    [3.5, '3.5'],
    [[1, [2, 'a']], '[1, [2, "a"]]'],
    [Array.from({ length: 20 }, () => 0), '[0, 0, 0, 0, 0, 0, 0, 0, ...]'],
    [Array.from({ length: 5 }, () => 'y'.repeat(40)), 'an array of 5 elements'],
    [new Float32Array(3), 'a Float32Array of 3 elements'],
    [{ a: 1, b: 2 }, 'an object with keys a, b'],
    [{}, 'an object with keys (none)'],
    [new Map(), 'a Map'],
    [function named() {}, 'the function named'],
    [
      (
        () => () =>
          0
      )(),
      'a function',
    ],
  ])('%j', (value, text) => {
    expect(formatValue(value)).toBe(text);
  });
});

describe('shapes', () => {
  it('are shown, counted and compared with open dimensions', () => {
    expect(formatShape([null, 28, 1])).toBe('[?, 28, 1]');
    expect(sizeOf([2, 3, 4])).toBe(24);
    expect(sizeOf([])).toBe(1);
    expect(shapeFits([5, 3], [null, 3])).toBe(true);
    expect(shapeFits([null, 3], [5, 3])).toBe(true);
    expect(shapeFits([5, 4], [null, 3])).toBe(false);
    expect(shapeFits([5], [5, 1])).toBe(false);
  });
});
