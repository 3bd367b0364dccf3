import { describe, expect, it } from '@jest/globals';
import { isTameExpression, readExpression } from '../../src/model/path-expression.js';

describe('an expression in a model file', () => {
  it.each(['bias$', '^block_\\d+/', '(gamma|beta)$', 'head/.*kernel', '[*+|?]{2}', '(?:a|b)/kernel', 'a\\*\\+\\)\\+'])(
    'may be %s',
    (source) => {
      expect(isTameExpression(source)).toBe(true);
      expect(readExpression([source, 'i'], 'here')).toEqual(new RegExp(source, 'i'));
    },
  );

  it.each([
    '(a+)+$',
    '(a|a)*b',
    '.*.*.*b',
    '(.)\\1',
    'a?'.repeat(9),
    '(a|a)'.repeat(9),
    '(?<x>a)\\k<x>',
    'a'.repeat(201),
  ])('may not be %s', (source) => {
    expect(isTameExpression(source)).toBe(false);
    expect(() => readExpression([source, ''], 'here')).toThrow('model-config');
  });

  it.each([[5], [['a']], [['a', 'gg']], [['(', '']], [null]])('is refused as %j', (parts) => {
    expect(() => readExpression(parts as never, 'here')).toThrow('model-config');
  });
});
