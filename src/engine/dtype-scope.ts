import { DATA_TYPES, isComplex, isFloat } from './ffi/data-types.js';
import { ATTRIBUTE_KINDS, type OpAttribute } from './ffi/op-attributes.js';

/**
 * Decides in which float type ops run. tfjs knows float32 only; under a policy the binding converts what an op takes
 * and goes on reporting its results as float32. The true type is always that of the native handle.
 */
export interface DtypePolicy {
  readonly name: string;
  /**
   * The `TF_DataType` in which `opName` runs.
   * @param inputTypes - true types of the op's inputs
   * @throws `EngineError` where the op cannot run under this policy
   */
  floatType(opName: string, inputTypes: readonly number[]): number;
  /** Inputs, and a type attribute, that are float32 whatever the op runs in. */
  float32Parts?(opName: string): Float32Parts | undefined;
  /** The error to throw for one of an op in `floatType`, where the policy knows more of it. */
  explain?(opName: string, floatType: number, error: unknown): unknown;
}

export interface Float32Parts {
  readonly inputs: readonly number[];
  readonly attribute: string;
}

/** The policies in force, innermost last. The binding asks it before every op. */
export class DtypeScope {
  readonly #policies: DtypePolicy[] = [];

  get current(): DtypePolicy | undefined {
    return this.#policies.at(-1);
  }

  run<T>(policy: DtypePolicy, body: () => T): T {
    this.#policies.push(policy);
    try {
      return body();
    } finally {
      this.#policies.pop();
    }
  }
}

/** The type that an input of `type` has to be cast to where floats run in `floatType`. */
export function convertedType(type: number, floatType: number): number {
  if (isFloat(type)) return floatType;
  return isComplex(type) ? complexOf(floatType) : type;
}

/** Attributes with the types that tfjs wrote replaced by those that the op runs in. */
export function convertAttributes(
  attributes: readonly OpAttribute[],
  floatType: number,
  float32Attribute?: string,
): readonly OpAttribute[] {
  if (floatType === DATA_TYPES.float32) return attributes;
  const convert = (type: number): number => {
    if (type === DATA_TYPES.float32) return floatType;
    return type === DATA_TYPES.complex64 ? complexOf(floatType) : type;
  };
  return attributes.map((attribute) => {
    if (attribute.type !== ATTRIBUTE_KINDS.type || attribute.name === float32Attribute) return attribute;
    const { value } = attribute;
    return { ...attribute, value: Array.isArray(value) ? (value as number[]).map(convert) : convert(value as number) };
  });
}

function complexOf(floatType: number): number {
  return floatType === DATA_TYPES.float64 ? DATA_TYPES.complex128 : DATA_TYPES.complex64;
}
