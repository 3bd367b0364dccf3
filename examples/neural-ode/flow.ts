import { defineVjp, tf, vjp, type CustomFunction, type Tensor } from 'adjoint';

/** The weights of a network with one hidden layer, in the order in which functions here take them. */
export const WEIGHTS = ['kernel1', 'bias1', 'kernel2', 'bias2'] as const;

/** How the state `[batch, 2]` moves: `dz/dt = f(z)`, a small network of the cubed state. */
function velocity(state: Tensor, ...weights: Tensor[]): Tensor {
  const [kernel1, bias1, kernel2, bias2] = weights as [tf.Tensor2D, Tensor, tf.Tensor2D, Tensor];
  const cubed = tf.mul(state, tf.square(state)) as tf.Tensor2D;
  const hidden = tf.tanh(tf.add(tf.matMul(cubed, kernel1), bias1)) as tf.Tensor2D;
  return tf.add(tf.matMul(hidden, kernel2), bias2);
}

/** The classical Runge-Kutta method of fourth order for several states at once; a negative duration runs back in time. */
export function integrate(
  slopes: (states: Tensor[]) => Tensor[],
  states: Tensor[],
  duration: number,
  steps: number,
): Tensor[] {
  const h = duration / steps;
  const moved = (from: Tensor[], by: number, along: Tensor[]): Tensor[] =>
    from.map((state, i) => tf.add(state, tf.mul(by, along[i]!)));
  let at = states;
  for (let step = 0; step < steps; step++) {
    const k1 = slopes(at);
    const k2 = slopes(moved(at, h / 2, k1));
    const k3 = slopes(moved(at, h / 2, k2));
    const k4 = slopes(moved(at, h, k3));
    at = at.map((state, i) => {
      const middle = tf.mul(2, tf.add(k2[i]!, k3[i]!));
      return tf.add(state, tf.mul(h / 6, tf.add(tf.add(k1[i]!, middle), k4[i]!)));
    });
  }
  return at;
}

/** The state after some time: a function of the state before and the weights. */
export type Flow = (state: Tensor, ...weights: WeightTensors) => Tensor;

export type WeightTensors = [kernel1: Tensor, bias1: Tensor, kernel2: Tensor, bias2: Tensor];

/** The flow whose gradient goes back through every operation of the solver. */
export function plainFlow(duration: number, steps: number): Flow {
  return (state, ...weights) => integrate(([at]) => [velocity(at!, ...weights)], [state], duration, steps)[0]!;
}

/**
 * The flow whose gradient is found by the adjoint method: from the end, the state, its cotangent `a` and the gradient `g` of
 * the weights are solved for back in time,
 *
 *     dz/dt = f(z)    da/dt = -a^T df/dz    dg/dt = -a^T df/dweights
 *
 * It keeps the end alone, whatever the number of steps.
 */
export function adjointFlow(duration: number, steps: number): CustomFunction<readonly ['state', ...typeof WEIGHTS]> {
  return defineVjp('example/flow', {
    inputs: ['state', ...WEIGHTS],
    forward: (state, ...weights) => {
      const end = plainFlow(duration, steps)(state, ...weights);
      return { value: end, keep: { end, ...Object.fromEntries(WEIGHTS.map((name, i) => [name, weights[i]!])) } };
    },
    backward: (cotangent, kept) => {
      const { end, ...named } = kept as Record<string, Tensor>;
      const weights = WEIGHTS.map((name) => named[name]!);
      const slopes = ([state, adjoint]: Tensor[]): Tensor[] => {
        using way = vjp(velocity, state!, ...weights);
        return [way.value, ...way.backward(adjoint!).map((product) => tf.neg(product))];
      };
      const zeros = weights.map((weight) => tf.zerosLike(weight));
      const [, ...results] = integrate(slopes, [end!, cotangent, ...zeros], -duration, steps);
      return {
        state: () => results[0]!,
        kernel1: () => results[1]!,
        bias1: () => results[2]!,
        kernel2: () => results[3]!,
        bias2: () => results[4]!,
      };
    },
  });
}
