import vendored from '../../vendor/tfjs-node-gpu.cjs';
import { DATA_TYPES } from './ffi/data-types.js';
import { ATTRIBUTE_KINDS, type OpAttribute } from './ffi/op-attributes.js';
import type { TensorFlowBinding, TensorMetadata } from './ffi/tensorflow-binding.js';
import type { TensorValues } from './ffi/tensor-data.js';
import type { tf } from './tfjs.js';
import { type Tensor, type TensorInfo } from './tfjs.js';

/** What the backend keeps for a tensor's data: values that are not yet written, or a native handle. */
interface StoredData {
  readonly shape: readonly number[];
  readonly dtype: number;
  id: number;
  values: TensorValues | null;
  refCount: number;
  views?: View[];
}

/** The same memory in another shape. It belongs to the binding that made it: a recording must see its own. */
interface View {
  readonly binding: WeakRef<TensorFlowBinding>;
  readonly shape: readonly number[];
  readonly id: number;
}

/** What tfjs-node's kernels ask of their backend. */
interface NodeKernelBackend {
  binding: TensorFlowBinding;
  readonly tensorMap: { has(dataId: object): boolean; get(dataId: object): StoredData };
  getInputTensorIds(tensors: readonly TensorInfo[]): number[];
  createOutputTensor(metadata: TensorMetadata): Tensor;
  executeSingleInput(name: string, input: TensorInfo): Tensor;
  executeSingleOutput(name: string, attributes: readonly OpAttribute[], inputs: readonly TensorInfo[]): Tensor;
  executeMultipleOutputs(
    name: string,
    attributes: readonly OpAttribute[],
    inputs: readonly TensorInfo[],
    outputs: number,
  ): Tensor[];
  incRef(dataId: object): void;
}

const NodeBackend = vendored.NodeJSKernelBackend as unknown as new (
  binding: TensorFlowBinding,
  packageName: string,
) => tf.KernelBackend & NodeKernelBackend;

/** Narrow integer types that tfjs does not know; it is given int32. */
const WIDENED_TYPES: ReadonlySet<number> = new Set([
  DATA_TYPES.int64,
  DATA_TYPES.uint8,
  DATA_TYPES.int8,
  DATA_TYPES.int16,
  DATA_TYPES.uint16,
]);

/**
 * tfjs-node's backend, save that tensors of different shapes can share their data: a reshape costs nothing until an op
 * reads the result, and then one native alias that is kept with the data.
 */
export class TensorFlowBackend extends NodeBackend {
  readonly #viewedByRecording: StoredData[] = [];

  override getInputTensorIds(tensors: readonly TensorInfo[]): number[] {
    const ids = super.getInputTensorIds(tensors);
    return ids.map((id, i) => {
      const tensor = tensors[i]!;
      // tfjs-node passes int64 scalars as objects without a data id.
      if (tensor.dataId === undefined) return id;
      const stored = this.tensorMap.get(tensor.dataId);
      return sameShape(stored.shape, tensor.shape) ? id : this.#view(stored, tensor.shape);
    });
  }

  override createOutputTensor(metadata: TensorMetadata): Tensor {
    const type = this.binding.trueType(metadata.id);
    if (!WIDENED_TYPES.has(type)) return super.createOutputTensor(metadata);
    const attributes = [typeAttribute('SrcT', type), typeAttribute('DstT', DATA_TYPES.int32)];
    try {
      return super.createOutputTensor(this.binding.executeNative('Cast', attributes, [metadata.id], 1)[0]!);
    } finally {
      this.binding.deleteTensor(metadata.id);
    }
  }

  override disposeData(dataId: object, force?: boolean): boolean {
    const views = this.tensorMap.has(dataId) ? this.tensorMap.get(dataId).views : undefined;
    const released = super.disposeData(dataId, force);
    if (released) views?.forEach((view) => this.binding.deleteTensor(view.id));
    return released;
  }

  /** The native handle of a tensor's data, written now if tfjs has put it off. */
  nativeId(tensor: TensorInfo): number {
    return this.getInputTensorIds([tensor])[0]!;
  }

  /** Frees the native aliases that a recording, or a checked run, made of data that outlives it. */
  forgetViews(recording: TensorFlowBinding): void {
    for (const stored of this.#viewedByRecording.splice(0)) {
      const gone = stored.views?.filter(({ binding }) => binding.deref() === recording) ?? [];
      stored.views = stored.views?.filter((view) => !gone.includes(view));
      for (const { id } of gone) if (this.binding.handles.has(id)) this.binding.deleteTensor(id);
    }
  }

  /** Whether the backend keeps the tensor's data. */
  holds(tensor: TensorInfo): boolean {
    return this.tensorMap.has(tensor.dataId);
  }

  /** Whether the tensor shares its data with one of another shape. */
  isView(tensor: TensorInfo): boolean {
    return !sameShape(this.tensorMap.get(tensor.dataId).shape, tensor.shape);
  }

  /** The values of a tensor that are still in host memory, `null` once they went to TensorFlow. */
  hostValues(dataId: object): TensorValues | null {
    return this.tensorMap.get(dataId).values;
  }

  #view(stored: StoredData, shape: readonly number[]): number {
    const { binding } = this;
    stored.views ??= [];
    const known = stored.views.find((view) => view.binding.deref() === binding && sameShape(view.shape, shape));
    if (known !== undefined) return known.id;
    const shapeId = binding.createTensor([shape.length], DATA_TYPES.int32, Int32Array.from(shape));
    try {
      const type = binding.trueType(stored.id);
      const attributes = [typeAttribute('T', type), typeAttribute('Tshape', DATA_TYPES.int32)];
      const { id } = binding.executeNative('Reshape', attributes, [stored.id, shapeId], 1)[0]!;
      stored.views.push({ binding: new WeakRef(binding), shape: [...shape], id });
      if ('recording' in binding || 'checking' in binding) this.#viewedByRecording.push(stored);
      return id;
    } finally {
      binding.deleteTensor(shapeId);
    }
  }
}

function typeAttribute(name: string, value: number): OpAttribute {
  return { name, type: ATTRIBUTE_KINDS.type, value };
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
