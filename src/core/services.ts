import { SetupError } from './errors.js';
import type { DeclaredKind } from './declaration.js';
import type { Logger } from './logger.js';
import type { Registry } from './registry.js';

/** A class that a registry holds. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- constructors of every declared class fit
export type DeclaredClass = new (...parameters: any[]) => object;

/** A custom gradient rule as its instance knows it. */
export interface NamedRule {
  readonly name: string;
  readonly inputs: readonly string[];
  readonly nonDifferentiable: readonly string[];
}

/** What one Adjoint instance gives the things that are made in it; composed in `container.ts`. */
export interface Services {
  readonly registries: Readonly<Record<DeclaredKind, Registry<DeclaredClass>>>;
  /** Gradient rules by name. */
  readonly rules: Registry<NamedRule>;
  readonly logger: Logger;
}

let makeDefault: (() => Services) | undefined;
let defaults: Services | undefined;
let current: Services | undefined;

/** Called once by the composition root. */
export function provideDefaultServices(factory: () => Services): void {
  makeDefault = factory;
}

/** The services in force: those of the Adjoint instance that is making something, else the default instance's. */
export function currentServices(): Services {
  if (current !== undefined) return current;
  if (defaults === undefined) {
    if (makeDefault === undefined) {
      throw new SetupError('no-services', {
        where: 'Adjoint',
        expected: 'the package to be imported by its name',
        received: 'an inner file imported by itself',
        fix: "import from 'adjoint'",
      });
    }
    defaults = makeDefault();
  }
  return defaults;
}

/** Runs a constructor or function with another Adjoint instance's services. */
export function withServices<T>(services: Services, fn: () => T): T {
  const outer = current;
  current = services;
  try {
    return fn();
  } finally {
    current = outer;
  }
}
