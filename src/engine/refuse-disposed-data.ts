import { EngineError } from '../core/errors.js';
import { currentPath } from '../core/path-scope.js';
import { userFrame } from './record/user-frame.js';
import { tf } from './tfjs.js';

/** The part of tfjs's engine that is asked for data which the backend does not hold; tfjs declares it otherwise. */
interface DataMover {
  readonly state: { readonly tensorInfo: WeakMap<object, unknown> };
  moveData(backend: unknown, dataId: object): void;
}

let installed = false;

/** An op or a read of a tensor that was disposed says so; tfjs fails on what it does not find. Safe to call again. */
export function refuseDisposedData(): void {
  if (installed) return;
  installed = true;
  const engine = tf.engine() as unknown as DataMover;
  const original = engine.moveData;
  engine.moveData = (backend, dataId) => {
    if (engine.state.tensorInfo.has(dataId)) return original.call(engine, backend, dataId);
    const path = currentPath();
    throw new EngineError('disposed-tensor', {
      where: `${path === '' ? 'an op, or a read' : `an op of layer "${path}"`}${userFrame()}`,
      expected: 'living tensors',
      received: 'one that was disposed',
      fix: 'dispose it later; what is made inside tf.tidy() and used after it has to be returned from it, or kept with tf.keep()',
    });
  };
}
