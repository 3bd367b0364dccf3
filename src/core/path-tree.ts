import { SetupError } from './errors.js';

/**
 * Values by path (`body/conv2d/kernel`), in the order in which they were added; a path is given once.
 *
 * When to use: it is what `model.weightTree()` returns.
 *
 * @example
 * ```ts
 * import { layers, sequential } from 'adjoint';
 *
 * const model = sequential([layers.dense({ units: 2 })]);
 * model.build([null, 3]);
 * console.log(model.weightTree().paths()); // ['dense/kernel', 'dense/bias']
 * model.dispose();
 * ```
 */
export class PathTree<T> implements Iterable<[path: string, value: T]> {
  private readonly values = new Map<string, T>();

  constructor(entries: Iterable<readonly [string, T]> = []) {
    for (const [path, value] of entries) this.add(path, value);
  }

  /** @throws SetupError [path-twice] */
  add(path: string, value: T): void {
    if (this.values.has(path)) {
      throw new SetupError('path-twice', {
        where: `path "${path}"`,
        expected: 'one value for each path',
        received: 'a second one',
        fix: 'give one of the two another name',
      });
    }
    this.values.set(path, value);
  }

  get(path: string): T | undefined {
    return this.values.get(path);
  }

  get size(): number {
    return this.values.size;
  }

  paths(): string[] {
    return [...this.values.keys()];
  }

  /** The part of the tree for which `keep` holds. */
  filter(keep: (value: T, path: string) => boolean): PathTree<T> {
    return new PathTree([...this.values].filter(([path, value]) => keep(value, path)));
  }

  /** The same paths with other values. */
  map<U>(fn: (value: T, path: string) => U): PathTree<U> {
    return new PathTree([...this.values].map(([path, value]) => [path, fn(value, path)] as const));
  }

  [Symbol.iterator](): Iterator<[string, T]> {
    return this.values.entries();
  }
}
