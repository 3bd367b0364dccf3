import { valueAndGradients } from '../../src/autodiff/value-and-gradients.js';
import { inFloat64, readFloat64 } from '../../src/engine/float64.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';

/**
 * Central differences with one Richardson step are off by about `STEP ** 4` times the fifth derivative, 1e-12 here, and
 * by rounding over the step, 1e-13: a wrong rule is off by far more than this, a right one by far less.
 */
const GRADIENT_TOLERANCE = 1e-7;
/** A power of two: exact in float32, the type in which tfjs hands constants over. */
const STEP = 2 ** -10;
/** Gradients much smaller than this are compared absolutely. */
const LEAST_SCALE = 1e-2;

export interface GradientCheck {
  /** Default {@link GRADIENT_TOLERANCE}. */
  readonly tolerance?: number;
}

/**
 * Compares the gradient of `fn` by each float input with central differences, in double precision.
 *
 * @param fn - a function of the inputs; a result that is no scalar is summed with fixed weights
 * @param inputs - float32 or int32 tensors that stay the caller's; int32 ones are passed on and not differentiated by
 * @returns the largest error, relative to the largest gradient element of its input
 * @throws Error naming the input and the element where the two differ by more than the tolerance
 */
export function checkGradient(
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  { tolerance = GRADIENT_TOLERANCE }: GradientCheck = {},
): number {
  const data = inputs.map((input) => ({ values: input.dataSync(), shape: input.shape, dtype: input.dtype }));
  return inFloat64(() =>
    tf.tidy(() => {
      const points = data.map(({ values, shape, dtype }) => tf.tensor(values, shape, dtype));
      const scalar = (...at: Tensor[]): Tensor => weightedSum(fn(...at));
      const valueAt = (at: Tensor[]): number => tf.tidy(() => readFloat64(scalar(...at))[0]!);

      const differentiable = points.filter(({ dtype }) => dtype === 'float32');
      const { gradients } = valueAndGradients(() => scalar(...points), differentiable);
      let worst = 0;
      for (const [i, gradient] of gradients.entries()) {
        const point = differentiable[i]!;
        const position = points.indexOf(point);
        const analytic = gradient === null ? new Float64Array(point.size) : readFloat64(gradient);
        const shifted = (element: number, by: number): number =>
          tf.tidy(() => {
            const shift = new Float32Array(point.size);
            shift[element] = by;
            return valueAt(points.with(position, tf.add(point, tf.tensor(shift, point.shape))));
          });
        const numeric = Array.from(analytic, (_, element) => {
          const slope = (step: number) => (shifted(element, step) - shifted(element, -step)) / (2 * step);
          return (4 * slope(STEP / 2) - slope(STEP)) / 3;
        });
        const scale = Math.max(LEAST_SCALE, ...Array.from(analytic, Math.abs), ...numeric.map(Math.abs));
        for (const [element, expected] of numeric.entries()) {
          const error = Math.abs(analytic[element]! - expected) / scale;
          if (!(error <= tolerance)) {
            throw new Error(
              `gradient by input ${position}, element ${element}: rule ${analytic[element]}, ` +
                `difference ${expected}, relative error ${error} above ${tolerance}`,
            );
          }
          worst = Math.max(worst, error);
        }
      }
      return worst;
    }),
  );
}

/**
 * Compares the gradient of the gradient with central differences of the gradient, by {@link checkGradient}.
 *
 * @param fn - a function of the inputs, all float32
 */
export function checkSecondGradient(
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  options: GradientCheck = {},
): number {
  const gradient = (...at: Tensor[]): Tensor => {
    const grads = tf.grads((...x: Tensor[]) => weightedSum(fn(...x)))(at);
    return tf.addN(grads.map(weightedSum));
  };
  return checkGradient(gradient, inputs, options);
}

/** A sum with weights of both signs, so that errors in different elements do not cancel. */
function weightedSum(result: Tensor): Tensor {
  if (result.rank === 0) return result;
  const weights = Float32Array.from({ length: result.size }, (_, i) => Math.sin(1.3 * i + 0.7) + 0.25);
  return tf.sum(tf.mul(result, tf.tensor(weights, result.shape)));
}
