import { describe, expect, it } from '@jest/globals';
import { currentPath, pathDepth, withPath } from '../../src/core/path-scope.js';
import { PathTree } from '../../src/core/path-tree.js';

describe('a path tree', () => {
  const tree = () =>
    new PathTree([
      ['b/kernel', 1],
      ['a/kernel', 2],
      ['b/bias', 3],
    ]);

  it('keeps the order of addition', () => {
    expect([...tree()]).toEqual([
      ['b/kernel', 1],
      ['a/kernel', 2],
      ['b/bias', 3],
    ]);
    expect(tree().paths()).toEqual(['b/kernel', 'a/kernel', 'b/bias']);
    expect(tree().size).toBe(3);
    expect(tree().get('a/kernel')).toBe(2);
    expect(tree().get('a')).toBeUndefined();
  });

  it('is filtered and mapped into new trees', () => {
    const original = tree();
    expect([...original.filter((value, path) => path.startsWith('b/') && value < 3)]).toEqual([['b/kernel', 1]]);
    expect([...original.map((value, path) => `${path}=${value}`)][1]).toEqual(['a/kernel', 'a/kernel=2']);
    expect(original.size).toBe(3);
  });

  it('takes a path once', () => {
    expect(() => tree().add('b/bias', 4)).toThrow(/SetupError \[path-twice\] path "b\/bias"/);
  });
});

describe('the path scope', () => {
  it('follows nested calls and leaves out empty names', () => {
    const inner = withPath('body', () => withPath('', () => withPath('conv', () => [currentPath(), pathDepth()])));
    expect(inner).toEqual(['body/conv', 3]);
    expect([currentPath(), pathDepth()]).toEqual(['', 0]);
  });

  it('is left again when the call throws', () => {
    const failing = () =>
      withPath('body', () =>
        withPath('x', () => {
          throw new Error('no');
        }),
      );
    expect(failing).toThrow('no');
    expect(pathDepth()).toBe(0);
  });
});
