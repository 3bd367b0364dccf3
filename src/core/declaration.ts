import { SetupError } from './errors.js';
import { refuseStandardDecorators } from './metadata.js';
import 'reflect-metadata';

/** The kinds of classes that users declare and a registry finds by name. */
export const DECLARED_KINDS = ['layer', 'model', 'loss', 'metric', 'optimizer', 'schedule', 'callback'] as const;

/** A kind of class that users declare and a registry finds by name. */
export type DeclaredKind = (typeof DECLARED_KINDS)[number];

/** A class that validates and documents options; see `parseOptions`. */
export type OptionsClass<O extends object = object> = new () => O;

/** What a class decorator such as `@Layer` writes. */
export interface Declaration {
  readonly kind: DeclaredKind;
  /** Name in registries and files, `vendor/kebab-case`. */
  readonly name: string;
  readonly options: OptionsClass | undefined;
}

const DECLARATION = Symbol('adjoint:declaration');

/** Options of a class that declares none. */
export class NoOptions {}

/** Makes the class decorator of one kind; it writes metadata and does nothing else. */
export function declarationDecorator(kind: DeclaredKind, decoratorName: string) {
  return (name: string, options?: OptionsClass) => {
    if (typeof name !== 'string' || !/^[\w.-]+\/[\w.-]+$/.test(name)) {
      throw new SetupError('declared-name', {
        where: `decorator @${decoratorName}`,
        expected: 'a name of the form "vendor/kebab-case", e.g. "app/gated-dense"',
        received: typeof name === 'string' ? JSON.stringify(name) : typeof name,
      });
    }
    return (target: object, context?: unknown): void => {
      refuseStandardDecorators(decoratorName, context);
      const present = Reflect.getOwnMetadata(DECLARATION, target) as Declaration | undefined;
      if (present !== undefined) {
        throw new SetupError('declared-twice', {
          where: `class ${(target as { name: string }).name}`,
          expected: `one declaration`,
          received: `"${present.name}" and "${name}"`,
          fix: `remove one of the two class decorators`,
        });
      }
      Reflect.defineMetadata(DECLARATION, { kind, name, options } satisfies Declaration, target);
    };
  };
}

/** The declaration of a class itself, not of its ancestors. */
export function ownDeclaration(target: object): Declaration | undefined {
  return Reflect.getOwnMetadata(DECLARATION, target) as Declaration | undefined;
}

/** The options class of a class or of its nearest ancestor that declares one, else `fallback`. */
export function optionsClassOf(target: object, fallback: OptionsClass = NoOptions): OptionsClass {
  for (let c: object | null = target; c !== null && c !== Function.prototype; c = Object.getPrototypeOf(c) as object) {
    const options = ownDeclaration(c)?.options;
    if (options !== undefined) return options;
  }
  return fallback;
}
