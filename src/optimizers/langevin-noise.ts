import { tf } from '../engine/tfjs.js';
import { requireStep, type GradientTransform } from './gradient-transform.js';
import { positiveNumber } from './positive-number.js';

/**
 * Adds the noise under which plain gradient descent draws weights from a distribution, instead of going to its top (SGLD).
 *
 * Formula: `g <- g + sqrt(2 * temperature / learningRate) * N(0, 1)`, so that {@link SGD} without momentum makes the
 * step `w <- w - learningRate * g + sqrt(2 * learningRate * temperature) * N(0, 1)`. Its weights then tend to the
 * density `exp(-loss(w) / temperature)`, up to an error of the order of the learning rate. At a learning rate of 0
 * there is no noise.
 *
 * When to use: for samples of weights and the spread of predictions over them. The loss is a mean over examples: for the
 * posterior given `n` training examples, with a regularizer for a prior, take a temperature of `1 / n`. Other optimizers
 * rescale the noise and draw from something else.
 *
 * @param temperature - above 0
 * @throws OptionsError [invalid-option]; StateError [no-step] outside of training
 *
 * @example
 * ```ts
 * import { langevinNoise, layers, sequential, SGD } from 'adjoint';
 *
 * const model = sequential([layers.dense({ units: 1 })]);
 * const optimizer = new SGD({ learningRate: 0.01 });
 * model.compile({ optimizer, loss: 'meanSquaredError', gradientTransforms: [langevinNoise(1 / 2)] });
 * await model.fit([[1], [2]], [[2], [4]], { epochs: 2, verbose: 0 });
 * model.dispose();
 * ```
 *
 * @see Welling and Teh, "Bayesian learning via stochastic gradient Langevin dynamics" (ICML 2011)
 */
export function langevinNoise(temperature: number): GradientTransform {
  const name = 'langevinNoise';
  positiveNumber(temperature, 'temperature', name);
  return {
    name,
    transform: (gradients, _, given) => {
      const step = requireStep(name, given);
      const deviation = tf.sqrt(tf.divNoNan(tf.scalar(2 * temperature), step.learningRate));
      return new Map(
        [...gradients].map(([path, gradient]) => [
          path,
          tf.tidy(() => tf.add(gradient, tf.mul(step.normal(gradient.shape, path), deviation))),
        ]),
      );
    },
  };
}
