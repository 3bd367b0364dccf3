import type { CApi } from './c-api.js';
import { importGraph, operations, outputs } from './native-graph.js';
import { addressAt, internedCString } from './native-memory.js';
import { ATTRIBUTE_KINDS, type OpAttribute } from './op-attributes.js';
import { Status } from './status.js';
import type { TensorFlowBinding, TensorMetadata } from './tensorflow-binding.js';

/** A graph to be made into a function. */
export interface FunctionDefinition {
  readonly name: string;
  /** Serialised GraphDef. */
  readonly graph: Uint8Array;
  /** Names of the placeholder nodes that are its arguments. */
  readonly arguments: readonly string[];
  /** `TF_DataType` of each argument. */
  readonly argumentTypes: readonly number[];
  /** `[node, index]` of each result. */
  readonly results: readonly (readonly [node: string, index: number])[];
  /** `TF_DataType` of each result. */
  readonly resultTypes: readonly number[];
  /** Names of nodes that must run though no result needs them, such as assignments. */
  readonly effects: readonly string[];
}

/** How a function is run. */
export interface RunSettings {
  /** TensorFlow's executor: `default` spreads ops over threads, the other runs them one after the other. */
  readonly executor: 'default' | 'SINGLE_THREADED_EXECUTOR';
  /** Run on the calling thread: right where handing the work over costs more than the work. */
  readonly synchronous: boolean;
}

export const DEFAULT_SETTINGS: RunSettings = { executor: 'default', synchronous: false };

/** A TensorFlow function in the eager context; ops can run it by its name until it is deleted. */
export class NativeFunction {
  private deleted = false;

  private constructor(
    private readonly binding: TensorFlowBinding,
    private readonly definition: FunctionDefinition,
    /** The native function, which the context needs as long as it may be called. */
    private readonly address: number,
  ) {}

  get name(): string {
    return this.definition.name;
  }

  /** @throws `EngineError` [function-definition] where TensorFlow refuses the graph */
  static define(binding: TensorFlowBinding, definition: FunctionDefinition): NativeFunction {
    const { api, status } = binding;
    const where = `function ${definition.name}`;
    const graph = api.TF_NewGraph();
    try {
      importGraph(api, status, graph, definition.graph, where);
      const inputs = outputs(
        api,
        graph,
        definition.arguments.map((name) => [name, 0] as const),
        where,
      );
      const results = outputs(api, graph, definition.results, where);
      const [inputCount, resultCount] = [definition.arguments.length, definition.results.length];
      const address = api.TF_GraphToFunctionWithControlOutputs(
        graph,
        definition.name,
        0,
        -1,
        0,
        inputCount,
        inputs,
        resultCount,
        results,
        0,
        definition.effects.length,
        operations(api, graph, definition.effects, where),
        0,
        0,
        definition.name,
        status.address,
      );
      status.check(where, 'function-definition');
      api.TFE_ContextAddFunction(binding.context.address, address, status.address);
      if (!status.ok) api.TF_DeleteFunction(address);
      status.check(where, 'function-definition');
      return new NativeFunction(binding, definition, address);
    } finally {
      api.TF_DeleteGraph(graph);
    }
  }

  /**
   * Runs the function, off the event loop unless the settings say otherwise.
   *
   * @param inputIds - tensors in the binding; they may be disposed once this returns its promise
   */
  async call(inputIds: readonly number[], settings: RunSettings = DEFAULT_SETTINGS): Promise<TensorMetadata[]> {
    const { binding } = this;
    const { api } = binding;
    const where = `function ${this.name}`;
    // The shared status and scratch belong to synchronous calls, which may run while this one does.
    const status = new Status(api);
    const resultCount = this.definition.results.length;
    const results = new Uint32Array(Math.max(32, 2 * resultCount));
    const count = new Int32Array(32);
    count[0] = resultCount;
    let op = 0;
    try {
      op = api.TFE_NewOp(
        binding.context.address,
        internedCString(settings.executor === 'default' ? this.name : 'StatefulPartitionedCall'),
        status.address,
      );
      status.check(where);
      for (const id of inputIds) {
        api.TFE_OpAddInput(op, binding.handles.address(id, where), status.address);
        status.check(where);
      }
      if (settings.executor !== 'default') {
        for (const attribute of this.partitionedCall(settings.executor)) binding.setAttribute(op, this.name, attribute);
      }
      if (settings.synchronous) api.TFE_Execute(op, results, count, status.address);
      else await executeAsync(api, op, results, count, status.address);
      status.check(where);
    } finally {
      if (op !== 0) api.TFE_DeleteOp(op);
      status.delete();
    }
    return Array.from({ length: count[0]! }, (_, i) => binding.adopt(addressAt(results, i)));
  }

  /** Attributes of the op that runs a function by an executor of one's choice. */
  private partitionedCall(executor: string): OpAttribute[] {
    const { argumentTypes, resultTypes } = this.definition;
    return [
      { name: 'f', type: ATTRIBUTE_KINDS.func, value: this.name },
      { name: 'Tin', type: ATTRIBUTE_KINDS.type, value: argumentTypes },
      { name: 'Tout', type: ATTRIBUTE_KINDS.type, value: resultTypes },
      { name: 'executor_type', type: ATTRIBUTE_KINDS.string, value: executor },
    ];
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

/** `TFE_Execute` on a thread of the FFI's pool. */
function executeAsync(api: CApi, op: number, results: Uint32Array, count: Int32Array, status: number): Promise<void> {
  const { async: run } = api.TFE_Execute as unknown as {
    async(...values: [number, Uint32Array, Int32Array, number, (error: Error | null) => void]): void;
  };
  return new Promise((resolve, reject) => {
    run(op, results, count, status, (error) => (error === null ? resolve() : reject(error)));
  });
}
