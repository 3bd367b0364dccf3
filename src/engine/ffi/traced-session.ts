import { readBuffer } from './buffers.js';
import type { CApi } from './c-api.js';
import { importGraph, operations, outputs } from './native-graph.js';
import { addressAt, setAddressAt } from './native-memory.js';
import { Status } from './status.js';
import type { TensorFlowBinding, TensorMetadata } from './tensorflow-binding.js';

/** Serialised RunOptions with field 1, `trace_level`, set to 3, FULL_TRACE. */
const FULL_TRACE = Uint8Array.of(1 << 3, 3);

/** What one run takes and computes. */
export interface SessionRun {
  /** Ids of tensors in the binding by the name of the placeholder that they stand for. */
  readonly feeds: readonly (readonly [node: string, id: number])[];
  /** `[node, index]` of results. */
  readonly fetches: readonly (readonly [node: string, index: number])[];
  /** Names of nodes that must run besides. */
  readonly targets: readonly string[];
}

/** A session over a graph, with variables of its own, whose runs can be traced op by op. */
export class TracedSession {
  private constructor(
    private readonly binding: TensorFlowBinding,
    private readonly name: string,
    private readonly graph: number,
    private readonly session: number,
  ) {}

  /**
   * @param name - for error messages
   * @param graph - serialised GraphDef
   * @param config - serialised ConfigProto
   */
  static create(binding: TensorFlowBinding, name: string, graph: Uint8Array, config: Uint8Array): TracedSession {
    const { api, status } = binding;
    const native = api.TF_NewGraph();
    const options = api.TF_NewSessionOptions();
    try {
      importGraph(api, status, native, graph, name);
      if (config.length > 0) {
        api.TF_SetConfig(options, config, config.length, status.address);
        status.check(name, 'session');
      }
      const session = api.TF_NewSession(native, options, status.address);
      status.check(name, 'session');
      return new TracedSession(binding, name, native, session);
    } catch (error) {
      api.TF_DeleteGraph(native);
      throw error;
    } finally {
      api.TF_DeleteSessionOptions(options);
    }
  }

  /** Runs off the event loop; results are computed and thrown away. */
  async run(run: SessionRun): Promise<void> {
    await this.execute(run, 0, 0);
  }

  /** Runs off the event loop; the caller owns the results that were asked for, by their ids in the binding. */
  async fetch(run: SessionRun): Promise<TensorMetadata[]> {
    const { api, status } = this.binding;
    const made: TensorMetadata[] = [];
    await this.execute(run, 0, 0, (tensor) => {
      const handle = api.TFE_NewTensorHandle(tensor, status.address);
      status.check(this.name, 'session');
      made.push(this.binding.adopt(handle));
    });
    return made;
  }

  /** Runs off the event loop and returns the serialised RunMetadata: what each op took. */
  async trace(run: SessionRun): Promise<Uint8Array> {
    const { api } = this.binding;
    const options = api.TF_NewBufferFromString(FULL_TRACE, FULL_TRACE.length);
    const metadata = api.TF_NewBuffer();
    try {
      await this.execute(run, options, metadata);
      return readBuffer(metadata);
    } finally {
      api.TF_DeleteBuffer(options);
      api.TF_DeleteBuffer(metadata);
    }
  }

  /** Frees the session with its variables and the graph. */
  delete(): void {
    const { api, status } = this.binding;
    api.TF_DeleteSession(this.session, status.address);
    const failed = !status.ok;
    if (!failed) api.TF_DeleteGraph(this.graph);
    status.check(this.name, 'session');
  }

  private async execute(
    { feeds, fetches, targets }: SessionRun,
    options: number,
    metadata: number,
    take?: (tensor: number) => void,
  ): Promise<void> {
    const { name, graph } = this;
    const { api, handles } = this.binding;
    const status = new Status(api);
    const values = addresses(feeds.length);
    const results = addresses(fetches.length);
    const given: number[] = [];
    try {
      for (const [i, [, id]] of feeds.entries()) {
        const tensor = api.TFE_TensorHandleResolve(handles.address(id, name), status.address);
        status.check(name, 'session');
        given.push(tensor);
        setAddressAt(values, i, tensor);
      }
      const from = outputs(
        api,
        graph,
        feeds.map(([node]) => [node, 0] as const),
        name,
      );
      const to = outputs(api, graph, fetches, name);
      const effects = operations(api, graph, targets, name);
      const counts = [feeds.length, fetches.length, targets.length] as const;
      const memory = { from, values, to, results, effects };
      await runAsync(api, this.session, options, memory, counts, metadata, status.address);
      status.check(name, 'session');
      if (take !== undefined) for (let i = 0; i < fetches.length; i++) take(addressAt(results, i));
    } finally {
      for (const tensor of given) api.TF_DeleteTensor(tensor);
      for (let i = 0; i < fetches.length; i++) {
        const tensor = addressAt(results, i);
        if (tensor !== 0) api.TF_DeleteTensor(tensor);
      }
      status.delete();
    }
  }
}

interface RunMemory {
  readonly from: Uint32Array;
  readonly values: Uint32Array;
  readonly to: Uint32Array;
  readonly results: Uint32Array;
  readonly effects: Uint32Array;
}

/** An array of pointers, long enough for V8 to keep it off its heap at one address. */
function addresses(count: number): Uint32Array {
  return new Uint32Array(Math.max(32, 2 * count));
}

/** `TF_SessionRun` on a thread of the FFI's pool. */
function runAsync(
  api: CApi,
  session: number,
  options: number,
  { from, values, to, results, effects }: RunMemory,
  [feeds, fetches, targets]: readonly [number, number, number],
  metadata: number,
  status: number,
): Promise<void> {
  const { async: run } = api.TF_SessionRun as unknown as {
    async(...values: [...Parameters<CApi['TF_SessionRun']>, (error: Error | null) => void]): void;
  };
  return new Promise((resolve, reject) => {
    const done = (error: Error | null): void => (error === null ? resolve() : reject(error));
    run(session, options, from, values, feeds, to, results, fetches, effects, targets, metadata, status, done);
  });
}
