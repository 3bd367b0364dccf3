import { describe, expect, it } from '@jest/globals';
import {
  formatMillisecondsPerStep,
  formatNumber,
  formatSeconds,
  partsThatFit,
  wrapParts,
} from '../../src/callbacks/format-logs.js';

describe('numbers of a log line', () => {
  it.each([
    [0, '0'],
    [0.97125, '0.9712'],
    [-2.5, '-2.5000'],
    [0.0009, '9.00e-4'],
    [123456, '1.23e+5'],
    [NaN, 'NaN'],
    [Infinity, 'Infinity'],
  ])('%p is shown as %p', (value, text) => {
    expect(formatNumber(value)).toBe(text);
  });

  it.each([
    [0.306, '0.31 ms/step'],
    [0.996, '1.0 ms/step'],
    [2.44, '2.4 ms/step'],
    [9.96, '10 ms/step'],
    [25.4, '25 ms/step'],
  ])('%p ms are shown as %p', (value, text) => {
    expect(formatMillisecondsPerStep(value)).toBe(text);
  });

  it.each([
    [0.2, '0s'],
    [59.6, '1m00s'],
    [125, '2m05s'],
    [4020, '1h07m'],
  ])('%p s are shown as %p', (value, text) => {
    expect(formatSeconds(value)).toBe(text);
  });
});

describe('parts of a log line', () => {
  it.each([
    [20, 'aaaa  bbbb  cccc'],
    [16, 'aaaa  bbbb  cccc'],
    [15, 'aaaa  bbbb  …'],
    [12, 'aaaa  …'],
    [3, 'aaa'],
  ])('in %p columns: %p', (width, text) => {
    expect(partsThatFit(['aaaa', 'bbbb', 'cccc'], width)).toBe(text);
  });

  it('wrap between parts, later lines indented', () => {
    expect(wrapParts(['aaaa', 'bbbb', 'cccc', 'dddddddddddd'], 10, 2)).toBe('aaaa  bbbb\n  cccc\n  dddddddddddd');
  });
});
