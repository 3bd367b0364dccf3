import koffi from 'koffi';
import { EngineError } from '../../core/errors.js';

// Native addresses are declared uintptr_t, so that they are plain numbers in both directions; null is 0.
const P = 'uintptr_t';
const MEMORY = 'void *';
const TEXT = 'const char *';

/** Result type and argument types of every function used; add a line here to call one more. */
const SIGNATURES = {
  TF_Version: [TEXT, []],
  TF_NewStatus: [P, []],
  TF_DeleteStatus: ['void', [P]],
  TF_GetCode: ['int', [P]],
  TF_Message: [TEXT, [P]],

  TF_AllocateTensor: [P, ['int', MEMORY, 'int', 'size_t']],
  TF_DeleteTensor: ['void', [P]],
  TF_TensorData: [P, [P]],
  TF_TensorByteSize: ['size_t', [P]],
  TF_TensorElementCount: ['int64_t', [P]],
  TF_StringCopy: ['void', [P, MEMORY, 'size_t']],
  TF_StringDealloc: ['void', [P]],

  TF_DeviceListCount: ['int', [P]],
  TF_DeviceListName: [TEXT, [P, 'int', P]],
  TF_DeviceListType: [TEXT, [P, 'int', P]],
  TF_DeviceListMemoryBytes: ['int64_t', [P, 'int', P]],
  TF_DeleteDeviceList: ['void', [P]],

  TFE_NewContextOptions: [P, []],
  TFE_DeleteContextOptions: ['void', [P]],
  TFE_ContextOptionsSetConfig: ['void', [P, MEMORY, 'size_t', P]],
  TFE_NewContext: [P, [P, P]],
  TFE_ContextListDevices: [P, [P, P]],

  TFE_NewTensorHandle: [P, [P, P]],
  TFE_DeleteTensorHandle: ['void', [P]],
  TFE_TensorHandleDataType: ['int', [P]],
  TFE_TensorHandleNumDims: ['int', [P, P]],
  TFE_TensorHandleDim: ['int64_t', [P, 'int', P]],
  TFE_TensorHandleResolve: [P, [P, P]],
  TFE_TensorHandleCopyToDevice: [P, [P, P, P, P]],

  TFE_NewOp: [P, [P, P, P]],
  TFE_DeleteOp: ['void', [P]],
  TFE_OpAddInput: ['void', [P, P, P]],
  TFE_OpSetAttrString: ['void', [P, P, MEMORY, 'size_t']],
  TFE_OpSetAttrStringList: ['void', [P, P, MEMORY, MEMORY, 'int']],
  TFE_OpSetAttrInt: ['void', [P, P, 'int64_t']],
  TFE_OpSetAttrIntList: ['void', [P, P, MEMORY, 'int']],
  TFE_OpSetAttrFloat: ['void', [P, P, 'float']],
  TFE_OpSetAttrFloatList: ['void', [P, P, MEMORY, 'int']],
  TFE_OpSetAttrBool: ['void', [P, P, 'uint8_t']],
  TFE_OpSetAttrBoolList: ['void', [P, P, MEMORY, 'int']],
  TFE_OpSetAttrType: ['void', [P, P, 'int']],
  TFE_OpSetAttrTypeList: ['void', [P, P, MEMORY, 'int']],
  TFE_OpSetAttrShape: ['void', [P, P, MEMORY, 'int', P]],
  TFE_OpSetAttrShapeList: ['void', [P, P, MEMORY, MEMORY, 'int', P]],
  TFE_OpSetAttrFunctionName: ['void', [P, P, MEMORY, 'size_t']],
  TFE_Execute: ['void', [P, MEMORY, MEMORY, P]],
  TFE_ContextAddFunction: ['void', [P, P, P]],
  TFE_ContextRemoveFunction: ['void', [P, TEXT, P]],

  TF_GetAllOpList: [P, []],
  TF_NewBufferFromString: [P, [MEMORY, 'size_t']],
  TF_NewImportGraphDefOptions: [P, []],
  TF_DeleteImportGraphDefOptions: ['void', [P]],
  TF_GraphImportGraphDef: ['void', [P, P, P, P]],
  TF_GraphToFunctionWithControlOutputs: [
    P,
    [P, TEXT, 'uint8_t', 'int', P, 'int', MEMORY, 'int', MEMORY, P, 'int', MEMORY, P, P, TEXT, P],
  ],
  TF_DeleteFunction: ['void', [P]],

  TF_NewSessionOptions: [P, []],
  TF_SetConfig: ['void', [P, MEMORY, 'size_t', P]],
  TF_NewSession: [P, [P, P, P]],
  TF_DeleteSessionOptions: ['void', [P]],
  TF_NewBuffer: [P, []],
  TF_DeleteBuffer: ['void', [P]],
  TF_NewGraph: [P, []],
  TF_DeleteGraph: ['void', [P]],
  TF_LoadSessionFromSavedModel: [P, [P, P, TEXT, 'const char **', 'int', P, P, P]],
  TF_DeleteSession: ['void', [P, P]],
  TF_GraphOperationByName: [P, [P, TEXT]],
  TF_SessionRun: ['void', [P, P, MEMORY, MEMORY, 'int', MEMORY, MEMORY, 'int', MEMORY, 'int', P, P]],
} as const satisfies Record<string, readonly [string, readonly string[]]>;

type Signatures = typeof SIGNATURES;
type Value<T> = T extends 'void'
  ? void
  : T extends typeof TEXT
    ? string
    : T extends 'const char **'
      ? string[]
      : T extends typeof MEMORY
        ? ArrayBufferView
        : number;
type Values<T extends readonly string[]> = { -readonly [K in keyof T]: Value<T[K]> };

/** TensorFlow's C API, typed by {@link SIGNATURES}. */
export type CApi = {
  readonly [K in keyof Signatures]: (...values: Values<Signatures[K][1]>) => Value<Signatures[K][0]>;
};

const loaded = new Map<string, CApi>();

/** Declares the C API of the library at `path`, which the process maps now. */
export function loadCApi(path: string): CApi {
  const known = loaded.get(path);
  if (known !== undefined) return known;
  try {
    const library = koffi.load(path);
    const entries = Object.entries(SIGNATURES).map(([name, [result, parameters]]) => [
      name,
      library.func(name, result, [...parameters]) as unknown,
    ]);
    const api = Object.fromEntries(entries) as CApi;
    loaded.set(path, api);
    return api;
  } catch (cause) {
    throw new EngineError('library-load', {
      where: path,
      expected: 'a TensorFlow library (libtensorflow_cc or libtensorflow) with its libtensorflow_framework beside it',
      received: cause instanceof Error ? cause.message : String(cause),
      fix: 'run `npx adjoint engine doctor` to see what was found where, or `npx adjoint engine install` to fetch one',
      cause,
    });
  }
}
