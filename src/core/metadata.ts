import 'reflect-metadata';
import { SetupError } from './errors.js';

/**
 * The list that decorators keep on a class under `key`. A class's own list starts as a copy of its parent's, so that a
 * subclass that adds to it leaves the parent as it was.
 */
export function ownList<T>(key: symbol, target: object): T[] {
  if (!Reflect.hasOwnMetadata(key, target)) {
    Reflect.defineMetadata(key, [...readList<T>(key, target)], target);
  }
  return Reflect.getOwnMetadata(key, target) as T[];
}

/** The list of a class or of its nearest decorated ancestor, without making one. */
export function readList<T>(key: symbol, target: object): readonly T[] {
  return (Reflect.getMetadata(key, target) as T[] | undefined) ?? [];
}

/**
 * Refuses a call in the form of the standard decorators (stage 3): Adjoint's are TypeScript's experimental ones, which
 * is what class-validator and inversify use.
 *
 * @throws SetupError [standard-decorators]
 */
export function refuseStandardDecorators(name: string, context: unknown): void {
  if (typeof context === 'object' && context !== null && 'kind' in context) {
    throw new SetupError('standard-decorators', {
      where: `decorator @${name}`,
      expected: "a call in the form of TypeScript's experimental decorators",
      received: 'a call in the form of the standard decorators',
      fix: 'set "experimentalDecorators": true under "compilerOptions" in tsconfig.json',
    });
  }
}
