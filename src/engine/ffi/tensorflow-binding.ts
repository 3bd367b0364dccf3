import { convertAttributes, convertedType, DtypeScope } from '../dtype-scope.js';
import type { CApi } from './c-api.js';
import { DATA_TYPES, isComplex, isFloat, reportedType } from './data-types.js';
import type { EagerContext } from './eager-context.js';
import { HandleTable } from './handle-table.js';
import { readBuffer } from './buffers.js';
import { addressAt, internedCString, Scratch } from './native-memory.js';
import { ATTRIBUTE_KINDS, OpAttributes, type OpAttribute } from './op-attributes.js';
import { SavedModels } from './saved-model.js';
import type { Status } from './status.js';
import { TensorData, type TensorValues } from './tensor-data.js';

/** What the binding tells of a tensor that an op made. */
export interface TensorMetadata {
  id: number;
  shape: number[];
  /** The type that tfjs is told: float32 for every float. */
  dtype: number;
}

/**
 * tfjs-node's `TFJSBinding` over TensorFlow's C API, which its JavaScript kernels run on.
 *
 * A recorder stands in its place as `Object.create(binding)` with its own `executeNative`, `createTensor` and
 * `deleteTensor`; hence no `#private` members here, and state that changes lives in objects both share. `executeOp` is
 * the face that kernels call: it applies the dtype policy in force and hands what results to `executeNative`.
 *
 * @see https://github.com/tensorflow/tfjs/blob/master/tfjs-node/src/tfjs_binding.ts
 */
export class TensorFlowBinding {
  readonly TF_FLOAT = DATA_TYPES.float32;
  readonly TF_INT32 = DATA_TYPES.int32;
  readonly TF_INT64 = DATA_TYPES.int64;
  readonly TF_BOOL = DATA_TYPES.bool;
  readonly TF_COMPLEX64 = DATA_TYPES.complex64;
  readonly TF_STRING = DATA_TYPES.string;
  readonly TF_RESOURCE = DATA_TYPES.resource;
  readonly TF_UINT8 = DATA_TYPES.uint8;
  readonly TF_ATTR_STRING = ATTRIBUTE_KINDS.string;
  readonly TF_ATTR_INT = ATTRIBUTE_KINDS.int;
  readonly TF_ATTR_FLOAT = ATTRIBUTE_KINDS.float;
  readonly TF_ATTR_BOOL = ATTRIBUTE_KINDS.bool;
  readonly TF_ATTR_TYPE = ATTRIBUTE_KINDS.type;
  readonly TF_ATTR_SHAPE = ATTRIBUTE_KINDS.shape;
  readonly TensorMetadata = class {};
  readonly TFEOpAttr = class {};
  readonly TF_Version: string;

  readonly handles = new HandleTable();
  readonly dtypes = new DtypeScope();
  readonly counts = { executedOps: 0, functionCalls: 0 };

  protected readonly scratch = new Scratch();
  protected readonly data: TensorData;
  protected readonly attributes: OpAttributes;
  protected readonly savedModels: SavedModels;
  protected readonly gpu: string | undefined;

  constructor(
    readonly api: CApi,
    readonly status: Status,
    readonly context: EagerContext,
  ) {
    this.TF_Version = api.TF_Version();
    this.data = new TensorData(api, status, this.scratch, context.address);
    this.attributes = new OpAttributes(api, status, this.scratch);
    this.savedModels = new SavedModels(api, status);
    this.gpu = context.devices.find((device) => device.type === 'GPU')?.name;
  }

  createTensor(shape: number[], dtype: number, values: TensorValues): number {
    const handle = this.data.create(shape, dtype, values);
    return this.handles.insert(this.placed(handle, dtype), dtype);
  }

  deleteTensor(id: number): void {
    this.api.TFE_DeleteTensorHandle(this.handles.remove(id, 'disposing a tensor'));
  }

  tensorDataSync(id: number): TensorValues {
    return this.data.read(this.handles.address(id, 'reading a tensor'));
  }

  /** The values in the tensor's true precision. */
  readFloat64(id: number): Float64Array {
    return this.data.readFloat64(this.handles.address(id, 'reading a tensor'));
  }

  /** The shape of the native tensor. */
  shapeOf(id: number): number[] {
    return this.shapeOfHandle(this.handles.address(id, 'asking for the shape of a tensor'));
  }

  /** The tensor's memory as it is, row-major; strings as one array of bytes each. */
  readContent(id: number): Uint8Array | Uint8Array[] {
    return this.data.readContent(this.handles.address(id, 'reading a tensor'));
  }

  /** TensorFlow's serialised list of op definitions. */
  allOpDefinitions(): Uint8Array {
    const buffer = this.api.TF_GetAllOpList();
    try {
      return readBuffer(buffer);
    } finally {
      this.api.TF_DeleteBuffer(buffer);
    }
  }

  /** The `TF_DataType` of the native tensor, which may be another float type than tfjs believes. */
  trueType(id: number): number {
    return this.handles.type(id, 'asking for the type of a tensor');
  }

  executeOp(
    opName: string,
    attributes: readonly OpAttribute[],
    inputIds: readonly number[],
    numOutputs: number,
  ): TensorMetadata[] {
    const where = `op ${opName}`;
    const policy = this.dtypes.current;
    const types = inputIds.map((id) => this.handles.type(id, where));
    const floatType = policy?.floatType(opName, types) ?? DATA_TYPES.float32;
    if (opName === 'Cast') return this.executeCast(attributes, inputIds, types, floatType);
    const parts = policy?.float32Parts?.(opName);
    const wanted = types.map((type, i) =>
      convertedType(type, parts?.inputs.includes(i) === true ? DATA_TYPES.float32 : floatType),
    );
    const converted = convertAttributes(attributes, floatType, parts?.attribute);
    const temporary: number[] = [];
    try {
      const ids = inputIds.map((id, i) => {
        if (wanted[i] === types[i]) return id;
        const cast = this.cast(id, types[i]!, wanted[i]!);
        temporary.push(cast);
        return cast;
      });
      return this.executeNative(opName, converted, ids, numOutputs);
    } catch (error) {
      throw policy?.explain?.(opName, floatType, error) ?? error;
    } finally {
      for (const id of temporary) this.deleteTensor(id);
    }
  }

  /** Runs an op exactly as written; what a recorder writes down. */
  executeNative(
    opName: string,
    attributes: readonly OpAttribute[],
    inputIds: readonly number[],
    numOutputs: number,
  ): TensorMetadata[] {
    const { api, status, scratch } = this;
    const where = `op ${opName}`;
    const op = api.TFE_NewOp(this.context.address, internedCString(opName), status.address);
    status.check(where);
    const results = scratch.results(numOutputs);
    try {
      for (const id of inputIds) {
        api.TFE_OpAddInput(op, this.handles.address(id, where), status.address);
        status.check(where);
      }
      for (const attribute of attributes) this.attributes.set(op, opName, attribute);
      scratch.resultCount[0] = numOutputs;
      api.TFE_Execute(op, results, scratch.resultCount, status.address);
      status.check(where);
    } finally {
      api.TFE_DeleteOp(op);
    }
    this.counts.executedOps++;
    return Array.from({ length: scratch.resultCount[0] }, (_, i) => this.adopt(addressAt(results, i)));
  }

  /** Sets an attribute of a native op that is being prepared outside of `executeOp`. */
  setAttribute(op: number, opName: string, attribute: OpAttribute): void {
    this.attributes.set(op, opName, attribute);
  }

  loadSavedModel(directory: string, tags: string): number {
    return this.savedModels.load(directory, tags);
  }

  deleteSavedModel(id: number): void {
    this.savedModels.delete(id);
  }

  runSavedModel(id: number, inputIds: number[], inputNames: string, outputNames: string): TensorMetadata[] {
    const inputs = inputIds.map((input) => this.handles.address(input, 'running a SavedModel'));
    return this.savedModels.run(id, inputs, inputNames, outputNames).map((handle) => this.adopt(handle));
  }

  getNumOfSavedModels(): number {
    return this.savedModels.count;
  }

  getNumOfTensors(): number {
    return this.handles.live;
  }

  isUsingGpuDevice(): boolean {
    return this.gpu !== undefined;
  }

  /** Enters a native handle into the table. */
  adopt(handle: number): TensorMetadata {
    const type = this.api.TFE_TensorHandleDataType(handle);
    const shape = this.shapeOfHandle(handle);
    return { id: this.handles.insert(handle, type), shape, dtype: reportedType(type) };
  }

  private shapeOfHandle(handle: number): number[] {
    const { api, status } = this;
    const rank = api.TFE_TensorHandleNumDims(handle, status.address);
    const shape = new Array<number>(Math.max(0, rank));
    for (let i = 0; i < rank; i++) shape[i] = api.TFE_TensorHandleDim(handle, i, status.address);
    return shape;
  }

  /** Moves a new host tensor to where ops want it: TensorFlow's GPU kernels take int32 and strings from host memory. */
  protected placed(handle: number, dtype: number): number {
    if (this.gpu === undefined || dtype === DATA_TYPES.int32 || dtype === DATA_TYPES.string) return handle;
    const { api, status } = this;
    const device = internedCString(this.gpu);
    const moved = api.TFE_TensorHandleCopyToDevice(handle, this.context.address, device, status.address);
    api.TFE_DeleteTensorHandle(handle);
    status.check('moving a tensor to the device');
    return moved;
  }

  private cast(id: number, from: number, to: number): number {
    return this.executeNative('Cast', castAttributes(from, to), [id], 1)[0]!.id;
  }

  /** A cast reads what is there, whatever tfjs believes it to be. */
  private executeCast(
    attributes: readonly OpAttribute[],
    inputIds: readonly number[],
    types: readonly number[],
    floatType: number,
  ): TensorMetadata[] {
    const converted = convertAttributes(attributes, floatType).map((attribute) => {
      if (attribute.name !== 'SrcT') return attribute;
      const truth = types[0]!;
      return isFloat(truth) || isComplex(truth) ? { ...attribute, value: truth } : attribute;
    });
    return this.executeNative('Cast', converted, inputIds, 1);
  }
}

function castAttributes(from: number, to: number): OpAttribute[] {
  return [
    { name: 'SrcT', type: ATTRIBUTE_KINDS.type, value: from },
    { name: 'DstT', type: ATTRIBUTE_KINDS.type, value: to },
  ];
}
