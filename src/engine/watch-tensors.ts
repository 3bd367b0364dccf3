import { currentPath } from '../core/path-scope.js';
import { captureUserFrame } from './record/user-frame.js';
import { tf, type Tensor } from './tfjs.js';

/** Where a tensor was made. */
export interface TensorOrigin {
  /** The function of `tf` that was called, e.g. `square`; `keep`, `clone` and the like count, too. */
  readonly op: string;
  /** Path of the innermost layer, `''` outside of layers. */
  readonly path: string;
  readonly shape: readonly number[];
  /** The line of the user's code, ` at file:line:column`; empty where there is none. */
  readonly frame: () => string;
}

interface TrackingEngine {
  trackTensor(tensor: Tensor, backend: unknown): void;
  disposeTensor(tensor: Tensor): void;
  readonly state: { readonly scopeStack: readonly { readonly name: string }[] };
}

/** tfjs marks the scopes of its operations so. */
const OPERATION = '__op';

/** Notes where each tensor is made from now on, until it is disposed. */
export class TensorWatch {
  private readonly alive = new Map<number, TensorOrigin & { readonly period: number }>();
  private period = 0;
  private readonly engine = tf.engine() as unknown as TrackingEngine;

  constructor() {
    const { engine, alive } = this;
    const { trackTensor, disposeTensor } = engine;
    Object.assign(engine, {
      trackTensor: (tensor: Tensor, backend: unknown) => {
        const { shape } = tensor;
        const origin = { op: operationName(engine), path: currentPath(), shape, frame: captureUserFrame() };
        alive.set(tensor.id, { ...origin, period: this.period });
        trackTensor.call(engine, tensor, backend);
      },
      disposeTensor: (tensor: Tensor) => {
        alive.delete(tensor.id);
        disposeTensor.call(engine, tensor);
      },
    });
  }

  /** Begins another period. */
  next(): void {
    this.period += 1;
  }

  /** What is alive though a whole period has passed since the one in which it was made. */
  get survivors(): readonly TensorOrigin[] {
    return [...this.alive.values()].filter(({ period }) => period < this.period - 1);
  }

  stop(): void {
    for (const name of ['trackTensor', 'disposeTensor']) Reflect.deleteProperty(this.engine, name);
    this.alive.clear();
  }
}

/** The outermost of the operations that are running inside one another: the one that was called. */
export function operationName({ state }: Pick<TrackingEngine, 'state'>): string {
  let name = '';
  for (const scope of state.scopeStack.toReversed()) {
    if (!scope.name?.endsWith(OPERATION)) break;
    name = scope.name.slice(0, -OPERATION.length);
  }
  return name;
}
