import { describe, expect, it } from '@jest/globals';
import { compilePathPredicate, type PathPredicate } from '../../src/core/path-predicate.js';

const PATHS = ['body', 'body/conv2d', 'body/conv2d/kernel', 'body/conv2d_1/bias', 'head/kernel', 'bodybuilder'];

function chosen(predicate: PathPredicate): string[] {
  return PATHS.filter(compilePathPredicate(predicate));
}

describe('a path predicate', () => {
  it.each<[string, PathPredicate, string[]]>([
    ['a bare path takes all below it', 'body', PATHS.slice(0, 4)],
    ['a star stays within one part', 'body/*/bias', ['body/conv2d_1/bias']],
    ['a star completes a part', 'body/conv2d*', PATHS.slice(1, 4)],
    ['two stars cross parts', '**/kernel', ['body/conv2d/kernel', 'head/kernel']],
    ['two stars take everything', '**', PATHS],
    ['other characters stand for themselves', 'body/conv2d.1', []],
    ['a regular expression', /_1\//, ['body/conv2d_1/bias']],
    ['a function', (path) => path.length === 4, ['body']],
    ['a list takes what one of its parts takes', ['head', /builder/], ['head/kernel', 'bodybuilder']],
    ['an empty list takes nothing', [], []],
  ])('%s', (_, predicate, expected) => {
    expect(chosen(predicate)).toEqual(expected);
  });

  it('gives the same answer twice for a global or sticky expression', () => {
    const matches = compilePathPredicate(/body/gy);
    expect([matches('body'), matches('body'), matches('body')]).toEqual([true, true, true]);
  });

  it('refuses anything else', () => {
    expect(() => compilePathPredicate(3 as unknown as PathPredicate)).toThrow(/OptionsError \[path-predicate\]/);
  });
});
