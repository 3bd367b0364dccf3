import { StateError } from '../core/errors.js';
import type { Tensor } from '../engine/tfjs.js';
import type { Variable } from '../engine/variable.js';
import { readVariable } from '../engine/variable-reads.js';
import type { Regularizer } from './regularizer.js';

/**
 * A layer's weight: a name for a TensorFlow variable that exists once the layer is built.
 *
 * Inside a training step `value` is the tensor that the step read at its start and differentiates with respect to.
 *
 * When to use: it is what a field under `@Weight` holds; nobody makes one by hand.
 *
 * @throws StateError [weight-not-built | weight-disposed] where it is read before the layer's first call or after `dispose()`
 *
 * @example
 * ```ts
 * import { layers, tf } from 'adjoint';
 *
 * const dense = layers.dense({ units: 2 });
 * tf.tidy(() => dense.call(tf.ones([1, 3])));
 * console.log(dense.kernel.shape); // [3, 2]
 * dense.dispose();
 * ```
 */
export class WeightHandle {
  /** Whether training updates it. Statistics such as BatchNormalization's moving mean are not trainable. */
  trainable = true;
  regularizer: Regularizer | undefined;
  private held: Variable | undefined;
  private gone = false;

  /**
   * @param name - the decorated field's name: `kernel`
   * @param owner - the layer, as a phrase for errors
   */
  constructor(
    readonly name: string,
    private readonly owner: () => string,
  ) {}

  /** Whether the variable exists. */
  get built(): boolean {
    return this.held !== undefined;
  }

  /** The variable; internal to training and saving. */
  get variable(): Variable {
    if (this.held !== undefined) return this.held;
    throw new StateError(this.gone ? 'weight-disposed' : 'weight-not-built', {
      where: `weight "${this.name}" of ${this.owner()}`,
      expected: this.gone ? 'a layer that is not disposed' : 'a built layer',
      received: this.gone ? 'a read after dispose()' : 'a read before its first call',
      fix: this.gone ? 'make a new layer' : 'call the model on data, or model.build(inputShape), first',
    });
  }

  /**
   * The weight's value. Outside a step a fresh tensor that the caller, or the surrounding `tf.tidy`, disposes.
   *
   * @throws StateError [weight-not-built] before the layer's first call; [weight-disposed] after `dispose()`
   */
  get value(): Tensor {
    return readVariable(this.variable);
  }

  get shape(): readonly number[] {
    return this.variable.shape;
  }

  /** Gives the handle its variable; internal to building. */
  attach(variable: Variable): void {
    this.held = variable;
  }

  /** Frees the variable and waits for another; internal to building. */
  detach(): void {
    this.held?.dispose();
    this.held = undefined;
  }

  /** Frees the variable. */
  dispose(): void {
    this.detach();
    this.gone = true;
  }
}
