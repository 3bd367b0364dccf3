import type { JsonObject } from '../storage/checked-json.js';

export interface TensorRow {
  /** The file that it lies in. */
  readonly file: string;
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: number;
}

export interface CheckpointRow {
  readonly name: string;
  readonly step: number;
  readonly complete: boolean;
  readonly bytes: number;
  readonly created: string | null;
  readonly problems: readonly string[];
}

/** What a path holds. */
export interface Inspection {
  readonly path: string;
  readonly kind: 'safetensors' | 'model' | 'checkpoint' | 'repro' | 'checkpoints' | 'layers-model' | 'folder';
  /** Whether all is there and right: sizes, hashes, headers. Of several checkpoints: whether each is. */
  readonly complete: boolean;
  readonly problems: readonly string[];
  readonly bytes: number;
  /** Of the format. */
  readonly version?: number;
  /** What wrote it. */
  readonly writtenBy?: string;
  readonly created?: string;
  readonly meta?: JsonObject;
  readonly files?: readonly { readonly name: string; readonly bytes: number; readonly sha256?: string }[];
  readonly tensors?: readonly TensorRow[];
  readonly checkpoints?: readonly CheckpointRow[];
}
