import { tf } from '../engine/tfjs.js';
import { requireStep, type GradientTransform } from './gradient-transform.js';
import { positiveNumber } from './positive-number.js';

/**
 * Adds normal noise that fades to every gradient.
 *
 * Formula, at update `t`, counted from 0: `g <- g + N(0, eta / (1 + t)^gamma)`, the second number being the variance.
 * Draws are keyed by seed, weight path and step: the same in both ways of running a step.
 *
 * When to use: for very deep or awkward networks that do not get going, with an eta of 0.01, 0.3 or 1. After clipping,
 * which would limit the noise too.
 *
 * @param eta - variance of the noise at the first update, above 0
 * @param gamma - how fast it fades, above 0; default 0.55
 * @throws OptionsError [invalid-option]; StateError [no-step] outside of training
 *
 * @example
 * ```ts
 * import { gradientNoise, layers, sequential } from 'adjoint';
 *
 * const model = sequential([layers.dense({ units: 1 })]);
 * model.compile({ loss: 'meanSquaredError', gradientTransforms: [gradientNoise(0.01)] }); // or gradientNoise: { eta: 0.01 }
 * await model.fit([[1], [2]], [[2], [4]], { epochs: 2, verbose: 0 });
 * model.dispose();
 * ```
 *
 * @see Neelakantan et al., "Adding gradient noise improves learning for very deep networks" (2015),
 * https://arxiv.org/abs/1511.06807
 */
export function gradientNoise(eta: number, gamma = 0.55): GradientTransform {
  const name = 'gradientNoise';
  positiveNumber(eta, 'eta', name);
  positiveNumber(gamma, 'gamma', name);
  return {
    name,
    transform: (gradients, _, given) => {
      const step = requireStep(name, given);
      const age = tf.add(tf.cast(step.iteration, 'float32'), 1);
      const deviation = tf.mul(tf.pow(age, -gamma / 2), Math.sqrt(eta));
      return new Map(
        [...gradients].map(([path, gradient]) => [
          path,
          tf.tidy(() => tf.add(gradient, tf.mul(step.normal(gradient.shape, path), deviation))),
        ]),
      );
    },
  };
}
