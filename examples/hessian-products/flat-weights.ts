import { tf, type Tensor } from 'adjoint';

type Weights = Record<string, Tensor>;

/** The way between the weights of a model and one vector of all of them; differentiable in both directions. */
export function flatWeights(like: Weights): { toVector(weights: Weights): Tensor; toWeights(vector: Tensor): Weights } {
  const names = Object.keys(like);
  const shapes = names.map((name) => like[name]!.shape);
  const sizes = names.map((name) => like[name]!.size);
  return {
    toVector: (weights) => tf.concat(names.map((name) => tf.reshape(weights[name]!, [-1]))),
    toWeights: (vector) => {
      const parts = tf.split(vector, sizes);
      return Object.fromEntries(names.map((name, i) => [name, tf.reshape(parts[i]!, shapes[i]!)]));
    },
  };
}
