import { tf, type Tensor } from '../engine/tfjs.js';

/** The complex conjugate; a real tensor itself. */
export function conjugate(x: Tensor): Tensor {
  return x.dtype === 'complex64' ? tf.complex(tf.real(x), tf.neg(tf.imag(x))) : x;
}

/** What a cotangent is multiplied by to pass a product with `x`: its conjugate, or float32. */
export function asFactor(x: Tensor): Tensor {
  return x.dtype === 'complex64' ? conjugate(x) : tf.cast(x, 'float32');
}
