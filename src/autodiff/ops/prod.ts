import { tf, type Tensor } from '../../engine/tfjs.js';
import { registerNativeKernel, runKernel } from '../native-kernel.js';
import { registerKernelVjp } from '../register-kernel-vjp.js';

const OTHERS = 'ProductOfOthers';

/** Products along axes, with gradients of every order that are right where factors are zero too. */
export function installProd(): void {
  registerKernelVjp(
    'Prod',
    {
      keepInputs: ['x'],
      backward: (cotangent, kept, { axis }) => ({ x: () => gradientOfProduct(cotangent, kept.input('x'), axis) }),
    },
    { replace: true },
  );
  // Along the last axis, for each factor the product of all others.
  registerNativeKernel(OTHERS, ({ x }) =>
    tf.tidy(() => {
      const axis = x!.rank - 1;
      return tf.mul(tf.cumprod(x!, axis, true, false), tf.cumprod(x!, axis, true, true));
    }),
  );
  registerKernelVjp(OTHERS, {
    keepInputs: ['x'],
    backward: (cotangent, kept) => ({ x: () => gradientOfOthers(cotangent, kept.input('x')) }),
  });
}

function gradientOfProduct(cotangent: Tensor, x: Tensor, axis: unknown): Tensor {
  const axes = tf.util.parseAxisParam((axis ?? undefined) as number[], x.shape);
  const rest = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
  const order = [...rest, ...axes];
  const leading = rest.map((i) => x.shape[i]!);
  const count = tf.util.sizeFromShape(axes.map((i) => x.shape[i]!));
  const moved = isInOrder(order) ? x : tf.transpose(x, order);
  const others = runKernel(OTHERS, { x: tf.reshape(moved, [...leading, count]) });
  const gradient = tf.reshape(tf.mul(tf.reshape(cotangent, [...leading, 1]), others), moved.shape);
  return isInOrder(order) ? gradient : tf.transpose(gradient, tf.backend_util.getUndoAxesPermutation(order));
}

const isInOrder = (axes: readonly number[]): boolean => axes.every((axis, i) => axis === i);

/** Row `i` of a square holds all factors but `i`, whose place has a one: the product of others there leaves out two. */
function gradientOfOthers(cotangent: Tensor, x: Tensor): Tensor {
  const count = x.shape.at(-1)!;
  const self = tf.eye(count);
  const square = tf.add(tf.mul(tf.expandDims(x, -2), tf.sub(1, self)), self);
  const withoutTwo = tf.mul(runKernel(OTHERS, { x: square }), tf.sub(1, self));
  return tf.sum(tf.mul(tf.expandDims(cotangent, -1), withoutTwo), -2);
}
