import { defineVjp, tf, type Tensor } from 'adjoint';

const SCALE = Math.sqrt(2 / Math.PI);
const CUBIC = 0.044715;

/** `sqrt(2 / pi) (x + 0.044715 x^3)`: its tanh is close to the error function of `x / sqrt(2)`. */
function inner(x: Tensor): Tensor {
  return tf.mul(SCALE, tf.add(x, tf.mul(CUBIC, tf.mul(x, tf.square(x)))));
}

/**
 * The Gaussian error linear unit in its tanh form, `x (1 + tanh(inner(x))) / 2`, with a gradient of its own. It keeps its
 * input only, where the tape would keep the result of each of the eight operations.
 */
export const gelu = defineVjp('example/gelu', {
  inputs: ['x'],
  forward: (x) => ({ value: tf.mul(tf.mul(0.5, x), tf.add(1, tf.tanh(inner(x)))), keep: { x } }),
  backward: (cotangent, { x }) => ({
    x: () => {
      const tanh = tf.tanh(inner(x));
      const slope = tf.mul(SCALE, tf.add(1, tf.mul(3, tf.mul(CUBIC, tf.square(x)))));
      const bend = tf.mul(tf.mul(0.5, x), tf.mul(tf.sub(1, tf.square(tanh)), slope));
      return tf.mul(cotangent, tf.add(tf.mul(0.5, tf.add(1, tanh)), bend));
    },
  }),
});

/**
 * For `npm run adjoint -- gradcheck examples/custom-gelu/gelu.ts`.
 *
 * @public
 */
export const gradchecks = [
  { name: 'gelu', fn: gelu, inputs: [tf.tensor1d([-4, -1.5, -0.75, -0.1, 0, 0.1, 0.5, 2, 6])], secondOrder: true },
];
