import { ownDeclaration, type DeclaredKind } from '../core/declaration.js';
import { SetupError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { resolveInitializer, type InitializerConfig } from '../initializers/resolve-initializer.js';
import { BaseLayer, type LayerInput } from '../layers/base-layer.js';
import type { LayerOptions } from '../layers/layer-options.js';
import { resolveRegularizer, type RegularizerConfig } from '../layers/regularizers.js';
import { BaseOptimizer } from '../optimizers/base-optimizer.js';
import type { JsonObject, JsonValue } from '../storage/checked-json.js';
import { elementsOf } from './chain-elements.js';
import { collectLayers } from './collect-weights.js';
import { isTameExpression } from './path-expression.js';

type AnyLayer = BaseLayer<LayerOptions, LayerInput>;

/** Kinds of objects that a model file may ask for. A callback is none: it may write files. */
export const STORED_KINDS: readonly DeclaredKind[] = ['layer', 'model', 'loss', 'metric', 'optimizer', 'schedule'];

/** Expressions are matched with paths, which are made of names; and errors show them. */
const MOST_NAME = 200;
export const STORABLE_NAME = `a name of at most ${MOST_NAME} characters, none of them a control character`;

export function isStorableName(name: string): boolean {
  return name.length <= MOST_NAME && !/\p{Cc}/u.test(name);
}

/** The name of the class whose layers are written one by one. */
const SEQUENTIAL = 'adjoint/sequential';

/** Deeper is a cycle, or nothing that `parseJson` reads back. */
const MOST_LEVELS = 60;

/** Where a value stands: an option of something, and the way to it inside that option. */
interface Place {
  readonly owner: string;
  readonly path: string;
  readonly level: number;
}

/** Writes layers, their options and what stands in them as JSON: names of classes and plain values, no code. */
export class ConfigWriter {
  private count = 0;
  /** How what was written already is referred to: a layer that is used twice is one object. */
  private readonly references = new Map<AnyLayer, JsonObject>();
  /** What the options hold that are being written. */
  private met = new Set<AnyLayer>();

  /** @param wayOut - how to do without what cannot be written, for errors */
  constructor(private readonly wayOut: string) {}

  /** @throws SetupError [not-serialisable] */
  layer(layer: AnyLayer): JsonObject {
    const known = this.references.get(layer);
    const inside = [...collectLayers(layer)];
    if (known !== undefined) {
      this.meet(layer, inside);
      return known;
    }
    this.checkName(layer);
    const id = this.count++;
    this.references.set(layer, { shared: id });
    // A class that extends it makes its layers itself.
    const elements = ownDeclaration(layer.constructor)?.name === SEQUENTIAL ? elementsOf(layer) : undefined;
    const outer = this.met;
    this.met = new Set();
    const before = inside.filter(([, inner]) => this.references.has(inner));
    const written = {
      id,
      ...this.declared(layer, layer.describe()),
      ...(elements === undefined ? {} : { layers: elements.map((element) => this.layer(element)) }),
    };
    for (const [path, inner] of inside) {
      if (!this.references.has(inner)) this.references.set(inner, { shared: id, path });
    }
    const foreign = before.find(([, inner]) => !this.met.has(inner));
    this.met = outer;
    this.meet(layer, inside);
    if (foreign === undefined) return written;
    throw new SetupError('not-serialisable', {
      where: foreign[1].describe(),
      expected: 'a shared layer to stand first where it is made, or in the options of all that use it',
      received: `a layer that ${layer.describe()} makes itself, and that stands elsewhere before it`,
      fix: `take it as an option of the class, or ${this.wayOut}`,
    });
  }

  private checkName(layer: AnyLayer): void {
    if (isStorableName(layer.name)) return;
    throw new SetupError('not-serialisable', {
      where: `layer ${formatValue(layer.name)}`,
      expected: STORABLE_NAME,
      received: `${layer.name.length} characters`,
      fix: `give it another name option, or ${this.wayOut}`,
    });
  }

  private meet(layer: AnyLayer, inside: readonly (readonly [string, AnyLayer])[]): void {
    this.met.add(layer);
    for (const [, inner] of inside) this.met.add(inner);
  }

  /** @throws SetupError [not-serialisable] */
  option(value: unknown, owner: string, name: string): JsonValue {
    return this.value(value, { owner, path: name, level: 0 });
  }

  private declared(object: object & { readonly options: object }, owner: string, changes: object = {}): JsonObject {
    const declaration = ownDeclaration(object.constructor);
    if (declaration === undefined) {
      const { name } = object.constructor;
      throw new SetupError('not-serialisable', {
        where: owner,
        expected: 'a class that is declared by a name',
        received: `the class ${name} without a declaration of its own`,
        fix: `write e.g. @Layer('app/${name.toLowerCase()}') above it, or ${this.wayOut}`,
      });
    }
    const options = Object.entries({ ...object.options, ...changes })
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, this.option(value, owner, name)] as const);
    return { kind: declaration.kind, class: declaration.name, options: Object.fromEntries(options) };
  }

  private value(value: unknown, place: Place): JsonValue {
    if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
    if (typeof value === 'number') {
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : { $number: Object.is(value, -0) ? '-0' : String(value) };
    }
    if (typeof value !== 'object' || place.level > MOST_LEVELS) throw this.refusal(value, place);
    if (value instanceof BaseLayer) return { $object: this.layer(asAny(value as BaseLayer)) };
    if (value instanceof RegExp) {
      if (isTameExpression(value.source)) return { $expression: [value.source, value.flags] };
      throw this.refusal(value, place, 'write it as a glob, e.g. "body/*/kernel"');
    }
    // Spread, because `map` passes over holes.
    if (Array.isArray(value))
      return [...(value as readonly unknown[])].map((item, i) => this.value(item, below(place, `[${i}]`)));
    const made: unknown = value.constructor;
    const declaration = typeof made === 'function' ? ownDeclaration(made) : undefined;
    if (declaration !== undefined && STORED_KINDS.includes(declaration.kind)) {
      const object = value as object & { readonly options: object };
      // The rate that is in force: it may have been set by hand, or by a callback.
      const rate =
        value instanceof BaseOptimizer && value.schedule === null ? { learningRate: value.learningRate } : {};
      return { $object: this.declared(object, `${declaration.kind} ${value.constructor.name}`, rate) };
    }
    if ('toJSON' in value && typeof value.toJSON === 'function' && isNamed(value)) {
      return this.value(value.toJSON(), place);
    }
    const prototype: unknown = Object.getPrototypeOf(value);
    const isPlain = prototype === null || Object.getPrototypeOf(prototype) === null;
    if (!isPlain || Object.keys(value).some((key) => key.startsWith('$'))) throw this.refusal(value, place);
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    return Object.fromEntries(entries.map(([key, item]) => [key, this.value(item, below(place, `.${key}`))]));
  }

  private refusal(value: unknown, { owner, path }: Place, fix?: string): SetupError {
    return new SetupError('not-serialisable', {
      where: `option "${path}" of ${owner}`,
      expected:
        'a value that a file can hold: a number, a text, a list or an object of these, or an object of a declared class',
      received: value instanceof RegExp ? String(value) : formatValue(value),
      fix: `${fix ?? (typeof value === 'function' ? 'write a class with a declaration in its place' : 'declare its class, e.g. with @Layer')}, or ${this.wayOut}`,
    });
  }
}

/** Whether it is an initializer or a regularizer that its plain data makes again. */
function isNamed(value: object): boolean {
  const data = (value as { toJSON(): unknown }).toJSON();
  try {
    if ('penalty' in value) return resolveRegularizer(data as RegularizerConfig, '')?.constructor === value.constructor;
    return 'values' in value && resolveInitializer(data as InitializerConfig, '').constructor === value.constructor;
  } catch {
    return false;
  }
}

function below({ owner, path, level }: Place, step: string): Place {
  return { owner, path: `${path}${step}`, level: level + 1 };
}

function asAny(layer: BaseLayer): AnyLayer {
  return layer as unknown as AnyLayer;
}
