import { EngineError } from '../../core/errors.js';
import type { CApi } from './c-api.js';
import { cLibrary } from './c-library.js';
import { internedCString, setAddressAt, type Scratch } from './native-memory.js';
import type { Status } from './status.js';

/** TensorFlow's `TF_AttrType` codes. */
export const ATTRIBUTE_KINDS = { string: 0, int: 1, float: 2, bool: 3, type: 4, shape: 5, func: 8 } as const;

export type AttributeValue = string | number | boolean | readonly number[] | readonly boolean[] | readonly string[];

/** An attribute of an op as tfjs-node writes it, lists included; a list of shapes is `number[][]`. */
export interface OpAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: AttributeValue | readonly (readonly number[])[];
}

const encoder = new TextEncoder();
const INT64_BYTES = 8;

/** Writes attributes into a `TFE_Op`. */
export class OpAttributes {
  constructor(
    private readonly api: CApi,
    private readonly status: Status,
    private readonly scratch: Scratch,
  ) {}

  set(op: number, opName: string, attribute: OpAttribute): void {
    const { value } = attribute;
    const name = internedCString(attribute.name);
    const where = { opName, attribute };
    if (Array.isArray(value) && attribute.type !== ATTRIBUTE_KINDS.shape) {
      this.#setList(op, name, value, where);
      return;
    }
    switch (attribute.type) {
      case ATTRIBUTE_KINDS.string: {
        const bytes = encoder.encode(text(value, where));
        this.api.TFE_OpSetAttrString(op, name, bytes, bytes.length);
        return;
      }
      case ATTRIBUTE_KINDS.int:
        this.api.TFE_OpSetAttrInt(op, name, whole(value, where));
        return;
      case ATTRIBUTE_KINDS.float:
        this.api.TFE_OpSetAttrFloat(op, name, number(value, where));
        return;
      case ATTRIBUTE_KINDS.bool:
        this.api.TFE_OpSetAttrBool(op, name, flag(value, where));
        return;
      case ATTRIBUTE_KINDS.type:
        this.api.TFE_OpSetAttrType(op, name, whole(value, where));
        return;
      case ATTRIBUTE_KINDS.shape:
        this.#setShape(op, name, value, where);
        return;
      case ATTRIBUTE_KINDS.func: {
        const bytes = encoder.encode(text(value, where));
        this.api.TFE_OpSetAttrFunctionName(op, name, bytes, bytes.length);
        return;
      }
      default:
        throw refusal('a known kind of attribute', where);
    }
  }

  #setList(op: number, name: number, values: readonly unknown[], where: Where): void {
    const count = values.length;
    switch (where.attribute.type) {
      case ATTRIBUTE_KINDS.string:
        this.#setStrings(
          op,
          name,
          values.map((value) => text(value, where)),
        );
        return;
      case ATTRIBUTE_KINDS.int:
        this.api.TFE_OpSetAttrIntList(op, name, int64s(values.map((value) => whole(value, where))), count);
        return;
      case ATTRIBUTE_KINDS.float:
        this.api.TFE_OpSetAttrFloatList(
          op,
          name,
          Float32Array.from(values, (value) => number(value, where)),
          count,
        );
        return;
      case ATTRIBUTE_KINDS.bool:
        this.api.TFE_OpSetAttrBoolList(
          op,
          name,
          Uint8Array.from(values, (value) => flag(value, where)),
          count,
        );
        return;
      case ATTRIBUTE_KINDS.type:
        this.api.TFE_OpSetAttrTypeList(
          op,
          name,
          Int32Array.from(values, (value) => whole(value, where)),
          count,
        );
        return;
      default:
        throw refusal('a kind of attribute that can be a list', where);
    }
  }

  #setShape(op: number, name: number, value: unknown, where: Where): void {
    if (!Array.isArray(value)) throw refusal('a list of dimensions', where);
    if (value.some((entry) => Array.isArray(entry))) {
      this.#setShapes(op, name, value as number[][], where);
      return;
    }
    const rank = this.scratch.putShape(value as number[], describe(where));
    this.api.TFE_OpSetAttrShape(op, name, this.scratch.dimensions, rank, this.status.address);
    this.status.check(describe(where));
  }

  #setShapes(op: number, name: number, shapes: readonly number[][], where: Where): void {
    const flat = shapes.flat().map((dimension) => whole(dimension, where));
    withNativeMemory(int64s(flat), (address) => {
      const pointers = new Uint32Array(2 * shapes.length);
      let offset = 0;
      shapes.forEach((shape, i) => {
        setAddressAt(pointers, i, address + INT64_BYTES * offset);
        offset += shape.length;
      });
      const ranks = Int32Array.from(shapes, (shape) => shape.length);
      this.api.TFE_OpSetAttrShapeList(op, name, pointers, ranks, shapes.length, this.status.address);
    });
    this.status.check(describe(where));
  }

  #setStrings(op: number, name: number, values: readonly string[]): void {
    const encoded = values.map((value) => encoder.encode(value));
    const all = new Uint8Array(encoded.reduce((sum, bytes) => sum + bytes.length, 1));
    withNativeMemory(all, (address, fill) => {
      const pointers = new Uint32Array(2 * values.length);
      const lengths = new Uint32Array(2 * values.length);
      let offset = 0;
      encoded.forEach((bytes, i) => {
        all.set(bytes, offset);
        setAddressAt(pointers, i, address + offset);
        lengths[2 * i] = bytes.length;
        offset += bytes.length;
      });
      fill();
      this.api.TFE_OpSetAttrStringList(op, name, pointers, lengths, values.length);
    });
  }
}

interface Where {
  readonly opName: string;
  readonly attribute: OpAttribute;
}

/** Lends native memory that holds `source`; `fill` copies `source` again after a change. */
function withNativeMemory(source: ArrayBufferView, use: (address: number, fill: () => void) => void): void {
  const address = cLibrary().allocate(Math.max(1, source.byteLength));
  const fill = (): void => cLibrary().copyIn(address, source, source.byteLength);
  try {
    fill();
    use(address, fill);
  } finally {
    cLibrary().free(address);
  }
}

function int64s(values: readonly number[]): BigInt64Array {
  return BigInt64Array.from(values, BigInt);
}

function describe({ opName, attribute }: Where): string {
  return `attribute "${attribute.name}" of op ${opName}`;
}

function refusal(expected: string, where: Where): EngineError {
  const received = JSON.stringify(where.attribute.value) ?? String(where.attribute.value);
  return new EngineError('bad-attribute', { where: describe(where), expected, received });
}

function text(value: unknown, where: Where): string {
  if (typeof value !== 'string') throw refusal('a string', where);
  return value;
}

function number(value: unknown, where: Where): number {
  if (typeof value !== 'number') throw refusal('a number', where);
  return value;
}

/** The foreign function interface would cut a fraction off in silence. */
function whole(value: unknown, where: Where): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw refusal('a whole number', where);
  return value;
}

function flag(value: unknown, where: Where): number {
  if (typeof value !== 'boolean') throw refusal('true or false', where);
  return value ? 1 : 0;
}
