import { setImmediate as nextTurn } from 'node:timers/promises';
import { engine } from '../engine/start-engine.js';
import type { DataType, Tensor } from '../engine/tfjs.js';
import type { Variable } from '../engine/variable.js';
import type { JsonValue } from '../storage/checked-json.js';
import type { StoredTensor, StoredType } from '../storage/stored-tensor.js';
import type { RunSettings } from './run-settings.js';
import type { TrainState } from './train-state.js';
import type { Trainable } from './trainable.js';

/** Bytes that are brought to host memory at one go; then timers and steps of the training get their turn. */
const BYTES_PER_TURN = 8e6;

const STORED_TYPES: Partial<Record<DataType, StoredType>> = { float32: 'F32', int32: 'I32', bool: 'BOOL' };

/** How far a run has come. */
export interface TrainingPosition {
  /** Index of the epoch to go on with. */
  readonly epoch: number;
  /** What comes next: the beginning of the epoch, a step of it, or its validation. */
  readonly next: 'begin' | 'steps' | 'validation';
  /** Steps of the epoch that are done. */
  readonly step: number;
  readonly totalSteps: number;
  /** Examples of the epoch that were trained on. */
  readonly examples: number;
  /** What the epoch's steps took. */
  readonly milliseconds: number;
  /** Number of the running pass over the data, which decides their order. */
  readonly pass: number;
  /** Batches of that pass that were trained on. */
  readonly taken: number;
  /** Why a callback ended the run; `null` where none did. */
  readonly stopReason: string | null;
}

/** What lies in host memory, for a file of JSON. */
export interface TrainingRecord {
  readonly model: string;
  readonly position: TrainingPosition;
  readonly settings: RunSettings;
  /** Learning rate of each optimizer, in the order of first use; `null` where a schedule decides. */
  readonly learningRates: readonly (number | null)[];
  /** Paths of the weights that each optimizer has slots for. */
  readonly optimizedWeights: readonly (readonly string[])[];
  /** State of the run that is no variable. */
  readonly host: JsonValue;
  /** The last epoch's logs. */
  readonly logs: JsonValue;
  /** By class and ordinal: `EarlyStopping 0`. */
  readonly callbacks: Readonly<Record<string, JsonValue>>;
}

/** Tensors in host memory: weights by path, and everything else by name. */
export interface SnapshotTensors {
  readonly weights: ReadonlyMap<string, StoredTensor>;
  readonly state: ReadonlyMap<string, StoredTensor>;
}

/** Variables of a run by the names that files give them. */
export function namedVariables(
  model: Trainable,
  state: TrainState,
): { weights: Map<string, Variable>; state: Map<string, Variable> } {
  return {
    weights: new Map([...model.weightTree()].map(([path, { handle }]) => [path, handle.variable])),
    state: new Map(state.entries()),
  };
}

/**
 * Everything that a run needs to go on, as it stood at one moment.
 *
 * It holds references to the values, which TensorFlow copies where a later step changes them; `download` brings them to host
 * memory while training goes on, and lets go of them.
 */
export class TrainingSnapshot {
  private readonly weights: Map<string, Tensor>;
  private readonly state: Map<string, Tensor>;

  /**
   * @param arrays - what lies in host memory already
   */
  constructor(
    model: Trainable,
    state: TrainState,
    readonly record: TrainingRecord,
    private readonly arrays: ReadonlyMap<string, StoredTensor>,
  ) {
    const variables = namedVariables(model, state);
    const read = (named: Map<string, Variable>) =>
      new Map([...named].map(([name, variable]) => [name, variable.read()]));
    this.weights = read(variables.weights);
    this.state = read(variables.state);
  }

  /** The values, once; between portions the event loop goes on. */
  async download(only: 'weights' | 'all' = 'all'): Promise<SnapshotTensors> {
    try {
      const weights = await downloadAll(this.weights);
      const state = only === 'weights' ? new Map<string, StoredTensor>() : await downloadAll(this.state);
      return { weights, state: new Map([...state, ...(only === 'weights' ? [] : this.arrays)]) };
    } finally {
      this.dispose();
    }
  }

  /** Lets go of the values; a second call does nothing. */
  dispose(): void {
    for (const tensors of [this.weights, this.state]) {
      for (const tensor of tensors.values()) tensor.dispose();
      tensors.clear();
    }
  }
}

async function downloadAll(tensors: Map<string, Tensor>): Promise<Map<string, StoredTensor>> {
  const stored = new Map<string, StoredTensor>();
  let bytes = 0;
  for (const [name, tensor] of tensors) {
    const data = contentOf(tensor);
    stored.set(name, { dtype: STORED_TYPES[tensor.dtype]!, shape: [...tensor.shape], data });
    tensor.dispose();
    tensors.delete(name);
    bytes += data.length;
    if (bytes < BYTES_PER_TURN) continue;
    bytes = 0;
    await nextTurn();
  }
  return stored;
}

function contentOf(tensor: Tensor): Uint8Array {
  const { backend } = engine();
  return backend.binding.readContent(backend.nativeId(tensor)) as Uint8Array;
}
