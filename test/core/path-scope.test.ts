import { describe, expect, it } from '@jest/globals';
import {
  currentPath,
  currentPhase,
  currentScope,
  pathDepth,
  withPath,
  withPhase,
  withScope,
} from '../../src/core/path-scope.js';

const here = () => `${currentPath()}|${pathDepth()}|${currentPhase()}`;

describe('path scope', () => {
  it('appends names, counts calls and leaves empty names out of the path', () => {
    expect(withPath('body', () => withPath('', () => withPath('dense', here)))).toBe('body/dense|3|forward');
    expect(here()).toBe('|0|forward');
  });

  it('changes the phase at the same path, and keeps it further in', () => {
    const inside = withPath('body', () => withPhase('backward', () => [here(), withPath('dense', here)]));
    expect(inside).toEqual(['body|1|backward', 'body/dense|2|backward']);
  });

  it('goes back to a scope that was kept', () => {
    const kept = withPath('body', () => withPath('dense', currentScope));
    expect(withPath('other', () => withScope(kept, here))).toBe('body/dense|2|forward');
  });

  it('is as before after an error', () => {
    const failing = () =>
      withPath('body', () =>
        withPhase('update', () => {
          throw new Error('stop');
        }),
      );
    expect(failing).toThrow('stop');
    expect(here()).toBe('|0|forward');
  });
});
