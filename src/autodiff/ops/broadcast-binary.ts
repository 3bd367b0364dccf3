import { tf, type Tensor } from '../../engine/tfjs.js';
import { registerKernelVjp } from '../register-kernel-vjp.js';

/** tfjs's rules of these kernels give gradients of the broadcast shape, and fail where it is not the input's. */
export function installBroadcastBinary(): void {
  const register = (
    kernel: string,
    slope: (cotangent: Tensor, a: Tensor, b: Tensor, first: boolean) => Tensor,
  ): void => {
    registerKernelVjp(
      kernel,
      {
        keepInputs: ['a', 'b'],
        backward: (cotangent, kept) => {
          const [a, b] = [kept.input('a'), kept.input('b')];
          return {
            a: () => sumToShape(slope(cotangent, a, b, true), a.shape),
            b: () => sumToShape(slope(cotangent, a, b, false), b.shape),
          };
        },
      },
      { replace: true },
    );
  };
  // A tie goes to the first.
  register('Maximum', (cotangent, a, b, first) =>
    tf.mul(cotangent, tf.cast(first ? tf.greaterEqual(a, b) : tf.less(a, b), 'float32')),
  );
  register('Minimum', (cotangent, a, b, first) =>
    tf.mul(cotangent, tf.cast(first ? tf.lessEqual(a, b) : tf.greater(a, b), 'float32')),
  );
  register('SquaredDifference', (cotangent, a, b, first) =>
    tf.mul(cotangent, tf.mul(tf.scalar(2), first ? tf.sub(a, b) : tf.sub(b, a))),
  );
}

/** Sums over the axes along which a tensor of this shape was repeated. */
export function sumToShape(gradient: Tensor, shape: readonly number[]): Tensor {
  const added = gradient.rank - shape.length;
  // Not by tfjs's function, which overlooks an axis that was repeated zero times.
  const axes = gradient.shape.flatMap((size, axis) => (axis < added || size !== shape[axis - added] ? [axis] : []));
  return axes.length === 0 ? gradient : tf.reshape(tf.sum(gradient, axes), [...shape]);
}
