import { tf } from '../engine/tfjs.js';
import type { GradientTransform } from './gradient-transform.js';
import { mapTensors } from './map-tensors.js';

/**
 * Takes from each unit's gradient its mean, which keeps the mean of a unit's weights where it started.
 *
 * Formula, for every kernel, `[..., units]`: `g <- g - mean(g over all axes but the last)`. Biases and other vectors stay
 * as they are.
 *
 * When to use: with SGD, on convolutional networks and dense layers; it costs next to nothing and works as a mild regularizer.
 *
 * @example
 * ```ts
 * import { centralizeGradients, tf } from 'adjoint';
 *
 * const gradients = new Map([['dense/kernel', tf.tensor2d([[1, 5], [3, 5]])]]);
 * console.log(centralizeGradients().transform(gradients, new Map()).get('dense/kernel')!.dataSync()); // -1, 0, 1, 0
 * ```
 *
 * @see Yong et al., "Gradient centralization: a new optimization technique for deep neural networks" (ECCV 2020),
 * https://arxiv.org/abs/2004.01461
 */
export function centralizeGradients(): GradientTransform {
  return {
    name: 'centralizeGradients',
    transform: (gradients) =>
      mapTensors(gradients, (gradient) => {
        if (gradient.rank < 2) return gradient.clone();
        const axes = gradient.shape.slice(0, -1).map((_, axis) => axis);
        return tf.sub(gradient, tf.mean(gradient, axes, true));
      }),
  };
}
