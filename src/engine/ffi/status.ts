import { EngineError } from '../../core/errors.js';
import type { CApi } from './c-api.js';

const CODE_NAMES = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
];

/** A `TF_Status`. Synchronous calls share one; a call off the event loop needs its own, freed by `delete()`. */
export class Status {
  readonly address: number;

  constructor(private readonly api: CApi) {
    this.address = api.TF_NewStatus();
  }

  get ok(): boolean {
    return this.api.TF_GetCode(this.address) === 0;
  }

  /** Throws what TensorFlow reported, if it reported a failure. */
  check(where: string, kind = 'op-failed', fix?: string): void {
    const code = this.api.TF_GetCode(this.address);
    if (code === 0) return;
    // TensorFlow puts the internal name of the wrapped function in front of the message.
    const message = this.api.TF_Message(this.address).replace(/^\{\{function_node [^}]*\}\} ?/, '');
    throw new EngineError(kind, { where, received: `${message} (${CODE_NAMES[code] ?? `code ${code}`})`, fix });
  }

  delete(): void {
    this.api.TF_DeleteStatus(this.address);
  }
}
