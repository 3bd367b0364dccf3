import { describe, expect, it } from '@jest/globals';
import { declarationDecorator, NoOptions, optionsClassOf, ownDeclaration } from '../../src/core/declaration.js';
import { SetupError } from '../../src/core/errors.js';
import { ownList, readList, refuseStandardDecorators } from '../../src/core/metadata.js';

const KEY = Symbol('test');

describe('metadata lists', () => {
  it('are inherited by copy', () => {
    class A {}
    class B extends A {}
    class C extends B {}
    ownList<string>(KEY, A.prototype).push('a');
    ownList<string>(KEY, B.prototype).push('b');
    ownList<string>(KEY, A.prototype).push('late');
    expect(readList(KEY, A.prototype)).toEqual(['a', 'late']);
    expect(readList(KEY, B.prototype)).toEqual(['a', 'b']);
    expect(readList(KEY, C.prototype)).toEqual(['a', 'b']);
    expect(readList(KEY, new C())).toEqual(['a', 'b']);
  });

  it('reading makes none', () => {
    class A {}
    expect(readList(KEY, A.prototype)).toEqual([]);
    expect(Reflect.hasMetadata(KEY, A.prototype)).toBe(false);
  });
});

describe('declarations', () => {
  const Metric = declarationDecorator('metric', 'Metric');

  it('belong to a class and not to its subclasses, while options are inherited', () => {
    class Options {}
    class A {}
    class B extends A {}
    Metric('app/a', Options)(A);
    expect(ownDeclaration(A)).toEqual({ kind: 'metric', name: 'app/a', options: Options });
    expect(ownDeclaration(B)).toBeUndefined();
    expect(optionsClassOf(B)).toBe(Options);
    expect(optionsClassOf(class {})).toBe(NoOptions);
  });

  it('refuse a name that is not one', () => {
    expect(() => Metric(3 as unknown as string)).toThrow(/\[declared-name\] decorator @Metric[^]*received {2}number/);
  });

  it('refuse the form of the standard decorators', () => {
    expect(() => refuseStandardDecorators('Child', { kind: 'field', name: 'a' })).toThrow(SetupError);
    for (const context of [undefined, 'field', Symbol('field')]) {
      expect(() => refuseStandardDecorators('Child', context)).not.toThrow();
    }
  });
});
