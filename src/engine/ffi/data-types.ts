/** TensorFlow's `TF_DataType` codes by the names used in this project. */
export const DATA_TYPES = {
  float32: 1,
  float64: 2,
  int32: 3,
  uint8: 4,
  int16: 5,
  int8: 6,
  string: 7,
  complex64: 8,
  int64: 9,
  bool: 10,
  bfloat16: 14,
  uint16: 17,
  complex128: 18,
  float16: 19,
  resource: 20,
  variant: 21,
  uint32: 22,
  uint64: 23,
} as const;

export type DataTypeName = keyof typeof DATA_TYPES;

const NAMES = new Map<number, string>(Object.entries(DATA_TYPES).map(([name, code]) => [code, name]));

export function dataTypeName(code: number): string {
  return NAMES.get(code) ?? `data type ${code}`;
}

/** float16, bfloat16, float32 and float64: the types that tfjs sees as 'float32'. */
export function isFloat(code: number): boolean {
  return (
    code === DATA_TYPES.float32 ||
    code === DATA_TYPES.float64 ||
    code === DATA_TYPES.float16 ||
    code === DATA_TYPES.bfloat16
  );
}

export function isComplex(code: number): boolean {
  return code === DATA_TYPES.complex64 || code === DATA_TYPES.complex128;
}

const BYTES: Readonly<Record<number, number>> = {
  [DATA_TYPES.float32]: 4,
  [DATA_TYPES.float64]: 8,
  [DATA_TYPES.int32]: 4,
  [DATA_TYPES.uint32]: 4,
  [DATA_TYPES.int16]: 2,
  [DATA_TYPES.uint16]: 2,
  [DATA_TYPES.bfloat16]: 2,
  [DATA_TYPES.float16]: 2,
  [DATA_TYPES.complex128]: 16,
  [DATA_TYPES.uint8]: 1,
  [DATA_TYPES.int8]: 1,
  [DATA_TYPES.bool]: 1,
  [DATA_TYPES.string]: 24,
};

/** Size of an element; a handle's is taken as 0. */
export function bytesPerElement(code: number): number {
  return BYTES[code] ?? (code === DATA_TYPES.resource || code === DATA_TYPES.variant ? 0 : 8);
}

/** What tfjs is told: every float is 'float32', every complex type 'complex64'. */
export function reportedType(code: number): number {
  if (isFloat(code)) return DATA_TYPES.float32;
  return isComplex(code) ? DATA_TYPES.complex64 : code;
}
