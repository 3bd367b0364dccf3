import { ownDeclaration, type DeclaredKind } from '../core/declaration.js';
import { LookupError, SetupError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { nearestNames } from '../core/nearest-name.js';
import type { DeclaredClass, Services } from '../core/services.js';

/** Finds classes by their declared names: among those that were passed in, then among the registered ones. */
export class ClassLookup {
  private readonly given = new Map<string, DeclaredClass>();

  /** @throws SetupError [not-declared | same-name] */
  constructor(
    classes: readonly DeclaredClass[],
    private readonly registries: Services['registries'],
  ) {
    for (const [i, given] of classes.entries()) {
      const declaration = typeof given === 'function' ? ownDeclaration(given) : undefined;
      if (declaration === undefined) {
        throw new SetupError('not-declared', {
          where: `option "classes" of loadModel, place ${i}`,
          expected: 'a class with one of the decorators @Layer, @Model, @Loss, @Metric, @Optimizer, @Schedule',
          received: formatValue(given),
        });
      }
      const key = `${declaration.kind} ${declaration.name}`;
      const other = this.given.get(key);
      if (other !== undefined && other !== given) {
        throw new SetupError('same-name', {
          where: `option "classes" of loadModel, place ${i}`,
          expected: `one class that is declared as the ${declaration.kind} ${formatValue(declaration.name)}`,
          received: `two, ${other.name} and ${given.name}`,
          fix: 'pass the one that the model was saved with',
        });
      }
      this.given.set(key, given);
    }
  }

  /** @throws LookupError [unknown-class] */
  get(kind: DeclaredKind, name: string, where: string): DeclaredClass {
    const given = this.given.get(`${kind} ${name}`);
    if (given !== undefined) return given;
    const registry = this.registries[kind];
    if (registry.has(name)) return registry.get(name);
    const near = nearestNames(name, [...registry.names(), ...[...this.given.keys()].map((key) => key.split(' ')[1]!)]);
    throw new LookupError('unknown-class', {
      where,
      expected: `the name of a registered ${kind}, or of a class in the option "classes"`,
      received: formatValue(name),
      fix: `pass the class that is declared as ${formatValue(name)}: loadModel(directory, { classes: [...] })${near.length > 0 ? `; known and near: ${near.join(', ')}` : ''}`,
    });
  }
}
