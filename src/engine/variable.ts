import { ShapeError, StateError } from '../core/errors.js';
import { attribute, typeAttribute } from './attribute.js';
import type { OpAttribute } from './ffi/op-attributes.js';
import { liveVariables } from './live-variables.js';
import { engine } from './start-engine.js';
import { tf, type DataType, type Tensor } from './tfjs.js';

let created = 0;

/**
 * A TensorFlow resource variable in the engine's one eager context: the only home of a weight, an optimizer slot or any
 * other state. Eager code and recorded functions see it under its `sharedName`.
 *
 * When to use: a layer's weights are declared with `@Weight` and need none by hand; a loop of your own may keep state so.
 *
 * @throws ShapeError [variable-shape | variable-dtype] where a new value does not fit; StateError [disposed]
 *
 * @example
 * ```ts
 * import { tf, Variable } from 'adjoint';
 *
 * const count = Variable.create('count', tf.scalar(1));
 * count.assignAdd(tf.scalar(2));
 * console.log(tf.tidy(() => count.read().dataSync()[0])); // 3
 * count.dispose();
 * ```
 *
 * @see https://www.tensorflow.org/guide/variable
 */
export class Variable {
  /** Unique in the process: a function that names it reads and writes this very variable. */
  readonly sharedName: string;
  readonly #handleId: number;
  #disposed = false;

  private constructor(
    readonly name: string,
    readonly shape: readonly number[],
    readonly dtype: DataType,
  ) {
    this.sharedName = `${name}#${created++}`;
    const { binding } = engine().backend;
    const attributes = [
      typeAttribute('dtype', dtype),
      attribute.shape('shape', shape),
      attribute.string('shared_name', this.sharedName),
      attribute.string('container', ''),
    ];
    this.#handleId = binding.executeOp('VarHandleOp', attributes, [], 1)[0]!.id;
    liveVariables.set(this.#handleId, this);
  }

  /** A new variable that holds a copy of `initial`, which stays the caller's. */
  static create(name: string, initial: Tensor): Variable {
    const variable = new Variable(name, [...initial.shape], initial.dtype);
    try {
      variable.assign(initial);
    } catch (error) {
      variable.dispose();
      throw error;
    }
    return variable;
  }

  /** The live variable behind a native resource handle. */
  static ofHandle(handleId: number): Variable | undefined {
    return liveVariables.get(handleId) as Variable | undefined;
  }

  /** The id of the native resource handle, as ops take it. */
  get handleId(): number {
    if (this.#disposed) {
      throw new StateError('disposed', {
        where: `variable "${this.name}"`,
        expected: 'to be used before dispose()',
        fix: 'build the model anew, or dispose it later',
      });
    }
    return this.#handleId;
  }

  get isDisposed(): boolean {
    return this.#disposed;
  }

  /** The value as a new tensor, which the caller owns; later updates do not change it. */
  read(): Tensor {
    const { backend } = engine();
    const attributes = [typeAttribute('dtype', this.dtype)];
    const [made] = backend.binding.executeOp('ReadVariableOp', attributes, [this.handleId], 1);
    return backend.createOutputTensor(made!);
  }

  /** Overwrites the value with a copy of a tensor of the same shape and dtype. */
  assign(value: Tensor): void {
    this.#write('AssignVariableOp', value);
  }

  /** Adds a tensor of the same shape and dtype. */
  assignAdd(value: Tensor): void {
    this.#write('AssignAddVariableOp', value);
  }

  /** @throws `ShapeError` where `value` could not stand in this variable's place */
  checkLike(value: Tensor, what: string): void {
    if (value.isDisposed) {
      throw new StateError('tensor-disposed', {
        where: `${what} of variable "${this.name}"`,
        expected: 'a living tensor',
        received: 'a tensor that was disposed',
        fix: 'dispose it later, or keep it with tf.keep() inside tf.tidy()',
      });
    }
    if (!tf.util.arraysEqual([...this.shape], value.shape)) {
      throw new ShapeError('variable-shape', {
        where: `${what} of variable "${this.name}"`,
        expected: `shape [${this.shape.join(', ')}]`,
        received: `shape [${value.shape.join(', ')}]`,
      });
    }
    if (value.dtype !== this.dtype) {
      throw new ShapeError('variable-dtype', {
        where: `${what} of variable "${this.name}"`,
        expected: `dtype ${this.dtype}`,
        received: `dtype ${value.dtype}`,
      });
    }
  }

  /** Frees the value; a second call does nothing. */
  dispose(): void {
    if (this.#disposed) return;
    const { binding } = engine().backend;
    this.#disposed = true;
    liveVariables.delete(this.#handleId);
    try {
      binding.executeOp('DestroyResourceOp', [attribute.bool('ignore_lookup_error', true)], [this.#handleId], 0);
    } finally {
      binding.deleteTensor(this.#handleId);
    }
  }

  #write(opName: string, value: Tensor): void {
    const { handleId } = this;
    this.checkLike(value, 'the new value');
    const { backend } = engine();
    const attributes: OpAttribute[] = [typeAttribute('dtype', this.dtype)];
    backend.binding.executeOp(opName, attributes, [handleId, backend.nativeId(value)], 0);
  }
}
