import { tf } from './tfjs.js';

/** Stands for an engine that could not start: whatever is asked of it throws the reason. */
export class UnavailableBackend extends tf.KernelBackend {
  constructor(reason: unknown) {
    super();
    const refuse = (): never => {
      throw reason;
    };
    Object.defineProperty(this, 'binding', { get: refuse });
    const used = ['write', 'move', 'read', 'readSync', 'refCount', 'incRef', 'numDataIds', 'getInputTensorIds'];
    for (const method of [...used, 'executeSingleInput', 'executeSingleOutput', 'executeMultipleOutputs']) {
      Object.defineProperty(this, method, { value: refuse });
    }
  }

  override dispose(): void {
    // There is nothing to free; tfjs calls it when a backend that runs takes this one's place.
  }
}
