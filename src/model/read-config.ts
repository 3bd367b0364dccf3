import type { DeclaredKind } from '../core/declaration.js';
import { AdjointError, DataError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { BaseLayer, type LayerInput } from '../layers/base-layer.js';
import type { LayerOptions } from '../layers/layer-options.js';
import { isJsonObject, type JsonObject, type JsonValue } from '../storage/checked-json.js';
import type { ClassLookup } from './class-lookup.js';
import { collectLayers } from './collect-weights.js';
import { readExpression } from './path-expression.js';
import { Sequential } from './sequential.js';
import { isStorableName, STORABLE_NAME, STORED_KINDS } from './write-config.js';

type AnyLayer = BaseLayer<LayerOptions, LayerInput>;

const NUMBERS: Readonly<Record<string, number>> = { NaN, Infinity, '-Infinity': -Infinity, '-0': -0 };

/** Makes what `ConfigWriter` wrote; every option passes the checks of its class again. */
export class ConfigReader {
  private readonly made = new Map<JsonValue, AnyLayer>();

  /** @param file - as a phrase: `file "model.json"` */
  constructor(
    private readonly classes: ClassLookup,
    private readonly file: string,
  ) {}

  /** Frees the layers that were made; for a reading that failed. */
  dispose(): void {
    for (const layer of this.made.values()) layer.dispose();
  }

  /** @throws DataError [model-config], LookupError [unknown-class], OptionsError */
  layer(config: JsonValue | undefined, place: string): AnyLayer {
    const node = this.object(config, place);
    if ('shared' in node) return this.shared(node, place);
    const { id } = node;
    if (typeof id !== 'number' || this.made.has(id)) throw this.wrong(place, 'a number "id" of its own', id);
    const layer = this.make(node, place, ['layer', 'model']);
    if (!(layer instanceof BaseLayer)) throw this.wrong(place, 'a layer', layer);
    const made = layer as AnyLayer;
    if (!isStorableName(made.name)) throw this.wrong(place, STORABLE_NAME, made.name);
    this.made.set(id, made);
    return made;
  }

  option(value: JsonValue, place: string): unknown {
    if (Array.isArray(value))
      return (value as readonly JsonValue[]).map((item, i) => this.option(item, `${place}[${i}]`));
    if (!isJsonObject(value)) return value;
    const tag = Object.keys(value).find((key) => key.startsWith('$'));
    if (tag === undefined) {
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [key, this.option(item, `${place}.${key}`)]),
      );
    }
    const content = value[tag]!;
    if (tag === '$expression') return readExpression(content, this.at(place));
    if (tag === '$number' && typeof content === 'string' && Object.hasOwn(NUMBERS, content)) return NUMBERS[content];
    if (tag === '$object') {
      const node = this.object(content, place);
      const isLayer = 'id' in node || 'shared' in node;
      return isLayer ? this.layer(content, place) : this.make(node, place, STORED_KINDS);
    }
    throw this.wrong(place, 'a value that a model file may hold', value);
  }

  private shared({ shared, path }: JsonObject, place: string): AnyLayer {
    const owner = this.made.get(shared!);
    const layer = path === undefined || owner === undefined ? owner : collectLayers(owner).get(String(path));
    if (layer !== undefined) return layer;
    throw this.wrong(place, 'a layer that stands before it', path === undefined ? shared : path);
  }

  private make(node: JsonObject, place: string, kinds: readonly DeclaredKind[]): object {
    const { kind, class: name, options = {}, layers } = node;
    if (!kinds.some((known) => known === kind)) throw this.wrong(place, `a "kind" of ${kinds.join(', ')}`, kind);
    if (typeof name !== 'string') throw this.wrong(place, 'the name of a class', name);
    const declaredClass = this.classes.get(kind as DeclaredKind, name, this.at(place));
    const given = Object.entries(this.object(options, `${place}.options`)).map(
      ([key, value]) => [key, this.option(value, `${place}.options.${key}`)] as const,
    );
    const parsed = Object.fromEntries(given);
    if ((declaredClass as unknown) !== Sequential) return this.construct(() => new declaredClass(parsed), name, place);
    if (!Array.isArray(layers)) throw this.wrong(place, 'a list of "layers"', layers);
    const chain = (layers as readonly JsonValue[]).map((layer, i) => this.layer(layer, `${place}.layers[${i}]`));
    return this.construct(() => new Sequential(chain as unknown as BaseLayer[], parsed), name, place);
  }

  private construct(make: () => object, name: string, place: string): object {
    try {
      return make();
    } catch (error) {
      if (error instanceof AdjointError) throw error;
      throw new DataError('model-config', {
        where: this.at(place),
        expected: `options from which the class of "${name}" can be made`,
        received: `an error in its constructor: ${error instanceof Error ? error.message : formatValue(error)}`,
        fix: 'let the class take all that it needs as options',
        cause: error,
      });
    }
  }

  private object(value: JsonValue | undefined, place: string): JsonObject {
    if (isJsonObject(value)) return value;
    throw this.wrong(place, 'an object', value);
  }

  private at(place: string): string {
    return `"${place}" of ${this.file}`;
  }

  private wrong(place: string, expected: string, received: unknown): DataError {
    return new DataError('model-config', {
      where: this.at(place),
      expected,
      received: formatValue(received),
      fix: 'the file is damaged, or no program of this kind wrote it: restore it from another copy',
    });
  }
}
