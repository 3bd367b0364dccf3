import { EngineError } from '../../core/errors.js';
import { withBuffer } from './buffers.js';
import type { CApi } from './c-api.js';
import { addressAt, internedCString, setAddressAt } from './native-memory.js';
import type { OpAttribute } from './op-attributes.js';
import { Status } from './status.js';
import type { TensorFlowBinding, TensorMetadata } from './tensorflow-binding.js';

/** A graph to be made into a function. */
export interface FunctionDefinition {
  readonly name: string;
  /** Serialised GraphDef. */
  readonly graph: Uint8Array;
  /** Names of the placeholder nodes that are its arguments. */
  readonly arguments: readonly string[];
  /** `[node, index]` of each result. */
  readonly results: readonly (readonly [node: string, index: number])[];
}

/** Size of the C struct `TF_Output`: an address, an int32, padding. */
const OUTPUT_WORDS = 4;

/** A TensorFlow function in the eager context; ops can run it by its name until it is deleted. */
export class NativeFunction {
  private deleted = false;

  private constructor(
    private readonly binding: TensorFlowBinding,
    readonly name: string,
    private readonly resultCount: number,
    /** The native function, which the context needs as long as it may be called. */
    private readonly address: number,
  ) {}

  /** @throws `EngineError` [function-definition] where TensorFlow refuses the graph */
  static define(binding: TensorFlowBinding, definition: FunctionDefinition): NativeFunction {
    const { api, status } = binding;
    const where = `function ${definition.name}`;
    const graph = api.TF_NewGraph();
    try {
      importGraph(api, status, graph, definition.graph, where);
      const inputs = outputs(api, graph, definition.arguments.map((name) => [name, 0] as const), where);
      const results = outputs(api, graph, definition.results, where);
      const [inputCount, resultCount] = [definition.arguments.length, definition.results.length];
      const address = api.TF_GraphToFunction(
        graph, definition.name, 0, -1, 0, inputCount, inputs, resultCount, results, 0, 0, definition.name, status.address,
      );
      status.check(where, 'function-definition');
      api.TFE_ContextAddFunction(binding.context.address, address, status.address);
      if (!status.ok) api.TF_DeleteFunction(address);
      status.check(where, 'function-definition');
      return new NativeFunction(binding, definition.name, resultCount, address);
    } finally {
      api.TF_DeleteGraph(graph);
    }
  }

  /**
   * Runs the function off the event loop.
   *
   * @param attributes - with any, it is run through the op that takes them: `executor_type`, `config_proto`
   * @param inputIds - tensors in the binding; they may be disposed once this returns its promise
   */
  async call(inputIds: readonly number[], attributes: readonly OpAttribute[] = []): Promise<TensorMetadata[]> {
    const { binding } = this;
    const { api } = binding;
    const where = `function ${this.name}`;
    // The shared status and scratch belong to synchronous calls, which may run while this one does.
    const status = new Status(api);
    const results = new Uint32Array(Math.max(32, 2 * this.resultCount));
    const count = new Int32Array(32);
    count[0] = this.resultCount;
    let op = 0;
    try {
      op = api.TFE_NewOp(
        binding.context.address,
        internedCString(attributes.length === 0 ? this.name : 'StatefulPartitionedCall'),
        status.address,
      );
      status.check(where);
      for (const id of inputIds) {
        api.TFE_OpAddInput(op, binding.handles.address(id, where), status.address);
        status.check(where);
      }
      for (const attribute of attributes) binding.setAttribute(op, this.name, attribute);
      await executeAsync(api, op, results, count, status.address);
      status.check(where);
    } finally {
      if (op !== 0) api.TFE_DeleteOp(op);
      status.delete();
    }
    binding.counts.functionCalls++;
    return Array.from({ length: count[0]! }, (_, i) => binding.adopt(addressAt(results, i)));
  }

  /** Takes the function out of the context; a second call does nothing. */
  delete(): void {
    if (this.deleted) return;
    this.deleted = true;
    const { api, status, context } = this.binding;
    api.TFE_ContextRemoveFunction(context.address, this.name, status.address);
    api.TF_DeleteFunction(this.address);
    status.check(`function ${this.name}`);
  }
}

function importGraph(api: CApi, status: Status, graph: number, bytes: Uint8Array, where: string): void {
  const options = api.TF_NewImportGraphDefOptions();
  try {
    withBuffer(api, bytes, (buffer) => api.TF_GraphImportGraphDef(graph, buffer, options, status.address));
  } finally {
    api.TF_DeleteImportGraphDefOptions(options);
  }
  status.check(where, 'function-definition');
}

/** An array of `TF_Output`. */
function outputs(
  api: CApi,
  graph: number,
  places: readonly (readonly [node: string, index: number])[],
  where: string,
): Uint32Array {
  const words = new Uint32Array(Math.max(32, OUTPUT_WORDS * places.length));
  for (const [i, [name, index]] of places.entries()) {
    const operation = api.TF_GraphOperationByName(graph, name);
    if (operation === 0) {
      throw new EngineError('function-definition', { where, expected: `a node "${name}"`, received: 'none of that name' });
    }
    setAddressAt(words, (OUTPUT_WORDS / 2) * i, operation);
    words[OUTPUT_WORDS * i + 2] = index;
  }
  return words;
}

/** `TFE_Execute` on a thread of the FFI's pool. */
function executeAsync(api: CApi, op: number, results: Uint32Array, count: Int32Array, status: number): Promise<void> {
  const { async: run } = api.TFE_Execute as unknown as {
    async(...values: [number, Uint32Array, Int32Array, number, (error: Error | null) => void]): void;
  };
  return new Promise((resolve, reject) => {
    run(op, results, count, status, (error) => (error === null ? resolve() : reject(error)));
  });
}
