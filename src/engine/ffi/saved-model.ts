import { EngineError } from '../../core/errors.js';
import type { CApi } from './c-api.js';
import { addressAt, setAddressAt } from './native-memory.js';
import type { Status } from './status.js';

interface LoadedModel {
  readonly session: number;
  readonly graph: number;
}

const OUTPUT_BYTES = 16;

/** SavedModels that run in sessions of their own, as tfjs-node's `tf.node.loadSavedModel` uses them. */
export class SavedModels {
  readonly #models = new Map<number, LoadedModel>();
  #nextId = 0;

  constructor(
    private readonly api: CApi,
    private readonly status: Status,
  ) {}

  get count(): number {
    return this.#models.size;
  }

  /** @param tags - comma-separated, e.g. `serve` */
  load(directory: string, tags: string): number {
    const { api, status } = this;
    const options = api.TF_NewSessionOptions();
    const graph = api.TF_NewGraph();
    const metaGraph = api.TF_NewBuffer();
    const list = names(tags);
    const session = api.TF_LoadSessionFromSavedModel(
      options,
      0,
      directory,
      list,
      list.length,
      graph,
      metaGraph,
      status.address,
    );
    api.TF_DeleteSessionOptions(options);
    api.TF_DeleteBuffer(metaGraph);
    if (!status.ok) api.TF_DeleteGraph(graph);
    status.check(`SavedModel ${directory}`, 'saved-model');
    const id = this.#nextId++;
    this.#models.set(id, { session, graph });
    return id;
  }

  delete(id: number): void {
    const { api, status } = this;
    const { session, graph } = this.#model(id);
    this.#models.delete(id);
    api.TF_DeleteSession(session, status.address);
    const failed = !status.ok;
    if (!failed) api.TF_DeleteGraph(graph);
    status.check('deleting a SavedModel', 'saved-model');
  }

  /**
   * Runs a session and returns native handles of its results, which the caller owns.
   * @param handles - native handles of the inputs
   * @param inputNames - comma-separated graph outputs, e.g. `serving_default_x:0`
   */
  run(id: number, handles: readonly number[], inputNames: string, outputNames: string): number[] {
    const { api, status } = this;
    const { session, graph } = this.#model(id);
    const inputs = this.#outputs(graph, names(inputNames));
    const outputs = this.#outputs(graph, names(outputNames));
    if (inputs.count !== handles.length) {
      throw new EngineError('saved-model', {
        where: 'running a SavedModel',
        expected: `${inputs.count} inputs (${inputNames})`,
        received: `${handles.length} tensors`,
      });
    }
    const tensors: number[] = [];
    const values = new Uint32Array(2 * Math.max(1, handles.length));
    const results = new Uint32Array(2 * Math.max(1, outputs.count));
    try {
      handles.forEach((handle, i) => {
        const tensor = api.TFE_TensorHandleResolve(handle, status.address);
        status.check('reading an input of a SavedModel', 'saved-model');
        tensors.push(tensor);
        setAddressAt(values, i, tensor);
      });
      const { bytes: from } = inputs;
      const { bytes: to } = outputs;
      const none = new Uint32Array(32);
      api.TF_SessionRun(
        session,
        0,
        from,
        values,
        handles.length,
        to,
        results,
        outputs.count,
        none,
        0,
        0,
        status.address,
      );
      status.check('running a SavedModel', 'saved-model');
    } finally {
      for (const tensor of tensors) api.TF_DeleteTensor(tensor);
    }
    return Array.from({ length: outputs.count }, (_, i) => {
      const tensor = addressAt(results, i);
      const handle = api.TFE_NewTensorHandle(tensor, status.address);
      api.TF_DeleteTensor(tensor);
      status.check('reading a result of a SavedModel', 'saved-model');
      return handle;
    });
  }

  /** An array of `TF_Output`: u64 operation, i32 index, padding. */
  #outputs(graph: number, wanted: readonly string[]): { bytes: Uint32Array; count: number } {
    const bytes = new Uint32Array((OUTPUT_BYTES / 4) * Math.max(1, wanted.length));
    wanted.forEach((name, i) => {
      const [operation = '', index = '0'] = name.split(':');
      const address = this.api.TF_GraphOperationByName(graph, operation);
      if (address === 0) {
        throw new EngineError('saved-model', {
          where: 'running a SavedModel',
          expected: 'the name of an operation in its graph',
          received: `"${name}"`,
        });
      }
      setAddressAt(bytes, 2 * i, address);
      bytes[4 * i + 2] = Number.parseInt(index, 10) || 0;
    });
    return { bytes, count: wanted.length };
  }

  #model(id: number): LoadedModel {
    const model = this.#models.get(id);
    if (model === undefined) {
      throw new EngineError('saved-model', {
        where: 'using a SavedModel',
        expected: 'one that is loaded',
        received: `id ${id}`,
      });
    }
    return model;
  }
}

function names(list: string): string[] {
  return list.split(',').filter((name) => name !== '');
}
