import { optionsClassOf, type OptionsClass } from '../core/declaration.js';
import { SetupError, ShapeError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { toSnakeCase } from '../core/naming.js';
import { parseOptions, type OptionsInput } from '../core/parse-options.js';
import { formatShape, type Shape } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { LossOptions } from './loss-options.js';
import { reduceLoss } from './reduce-loss.js';

/** Labels as they lie in memory, for checks before training. */
export interface LabelArray {
  readonly values: ArrayLike<number>;
  readonly shape: readonly number[];
  readonly dtype: string;
}

/**
 * Base of every loss: a number for each example, and a reduction to one.
 *
 * When to use: extend it for a loss with options, checks or a name; else give `compile` a function.
 *
 * Shapes: labels and predictions `[batch, ...]`; `perExample` gives `[batch]` or one number a position.
 *
 * @throws OptionsError [unknown-option | invalid-option] in the constructor
 *
 * @example
 * ```ts
 * import { BaseLoss, Loss, tf, type Tensor } from 'adjoint';
 *
 * @Loss('app/absolute-error')
 * class AbsoluteError extends BaseLoss {
 *   perExample(labels: Tensor, predictions: Tensor): Tensor {
 *     return tf.mean(tf.abs(tf.sub(labels, predictions)), -1);
 *   }
 * }
 * const loss = tf.tidy(() => new AbsoluteError().compute(tf.tensor2d([[1], [3]]), tf.tensor2d([[2], [5]])));
 * console.log(loss.dataSync()[0]); // 1.5
 * loss.dispose();
 * ```
 */
export abstract class BaseLoss<O extends LossOptions = LossOptions> {
  readonly options: O;
  readonly name: string;

  constructor(options?: OptionsInput<O>) {
    const lossClass = new.target;
    this.options = parseOptions(
      optionsClassOf(lossClass, LossOptions) as OptionsClass<O>,
      options,
      `loss ${lossClass.name}`,
    );
    this.name = toSnakeCase(lossClass.name);
  }

  /**
   * The loss of each example, or of each position in it.
   *
   * @param labels - `[batch, ...]`
   * @param predictions - `[batch, ...]`
   * @returns `[batch]`, or `[batch, ...]` with a loss for each position of the predictions
   */
  abstract perExample(labels: Tensor, predictions: Tensor): Tensor;

  /**
   * The loss of a batch, a scalar unless `reduction` is `none`.
   *
   * @param sampleWeight - `[batch]`, one factor an example
   */
  compute(labels: Tensor, predictions: Tensor, sampleWeight?: Tensor): Tensor {
    return this.reduce(this.lossesOf(labels, predictions), sampleWeight);
  }

  /** What `perExample` returns, if it is a loss for each example, or one for all of them. */
  protected lossesOf(labels: Tensor, predictions: Tensor): Tensor {
    const losses: unknown = this.perExample(labels, predictions);
    const where = `loss "${this.name}" (${this.constructor.name})`;
    if (losses instanceof tf.Tensor) {
      const [examples] = predictions.shape;
      if (losses.rank === 0 || losses.shape[0] === examples) return losses;
      throw new ShapeError('loss-shape', {
        where,
        expected: `one loss for each example, a first dimension of ${examples}`,
        received: formatShape(losses.shape),
        fix: 'take means over the axes after the first, e.g. tf.mean(losses, -1)',
      });
    }
    throw new SetupError('loss-result', {
      where,
      expected: 'a tensor with one loss for each example',
      received: losses instanceof Promise ? 'a promise' : formatValue(losses),
      fix: losses instanceof Promise ? 'make it synchronous' : 'return the losses',
    });
  }

  /** Weights the losses of examples and reduces them as the option `reduction` says. */
  protected reduce(losses: Tensor, sampleWeight?: Tensor): Tensor {
    return reduceLoss(losses, this.options.reduction, sampleWeight);
  }

  /**
   * Refuses labels that cannot belong to predictions of this shape; called once before training, on all labels.
   *
   * @throws DataError, ShapeError
   */
  checkLabels(_labels: LabelArray, _outputShape: Shape, _where: string): void {}

  /**
   * Refuses predictions that this loss cannot take, such as a linear output where probabilities are expected; called
   * once before training with the first batch's output.
   *
   * @throws DataError [not-probabilities]
   */
  checkPredictions(_predictions: Tensor, _where: string): void {}
}
