import type { DataType } from './tfjs.js';
import { DATA_TYPES, type DataTypeName } from './ffi/data-types.js';
import { ATTRIBUTE_KINDS, type OpAttribute } from './ffi/op-attributes.js';

/** Builds the attributes of an op by their kind; a list is given as an array. */
export const attribute = {
  type: (name: string, value: DataTypeName | readonly DataTypeName[]): OpAttribute => ({
    name,
    type: ATTRIBUTE_KINDS.type,
    value: typeof value === 'string' ? DATA_TYPES[value] : value.map((entry) => DATA_TYPES[entry]),
  }),
  int: (name: string, value: number | readonly number[]): OpAttribute => ({ name, type: ATTRIBUTE_KINDS.int, value }),
  float: (name: string, value: number | readonly number[]): OpAttribute => ({
    name,
    type: ATTRIBUTE_KINDS.float,
    value,
  }),
  bool: (name: string, value: boolean | readonly boolean[]): OpAttribute => ({
    name,
    type: ATTRIBUTE_KINDS.bool,
    value,
  }),
  string: (name: string, value: string | readonly string[]): OpAttribute => ({
    name,
    type: ATTRIBUTE_KINDS.string,
    value,
  }),
  shape: (name: string, value: readonly number[] | readonly (readonly number[])[]): OpAttribute => ({
    name,
    type: ATTRIBUTE_KINDS.shape,
    value,
  }),
  func: (name: string, value: string): OpAttribute => ({ name, type: ATTRIBUTE_KINDS.func, value }),
};

/** A type attribute from the name that tfjs gives a tensor's type. */
export function typeAttribute(name: string, dtype: DataType): OpAttribute {
  return attribute.type(name, dtype);
}
