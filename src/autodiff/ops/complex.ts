import { tf, type Tensor } from '../../engine/tfjs.js';
import { registerKernelVjp } from '../register-kernel-vjp.js';
import { divNoNan } from './division.js';

/**
 * The gradient of a real result by a complex number `x + iy` is `d/dx + i d/dy`, TensorFlow's convention: a holomorphic
 * function passes the cotangent on times the conjugate of its derivative.
 */
export function installComplex(): void {
  registerKernelVjp('Complex', {
    backward: (cotangent) => ({ real: () => tf.real(cotangent), imag: () => tf.imag(cotangent) }),
  });
  registerKernelVjp('Real', {
    backward: (cotangent) => ({ input: () => tf.complex(cotangent, tf.zerosLike(cotangent)) }),
  });
  registerKernelVjp('Imag', {
    backward: (cotangent) => ({ input: () => tf.complex(tf.zerosLike(cotangent), cotangent) }),
  });
  registerKernelVjp(
    'ComplexAbs',
    {
      keepInputs: ['x'],
      backward: (cotangent, kept) => ({
        x: () => {
          const x = kept.input('x');
          const length = tf.abs(x);
          const share = (part: Tensor): Tensor => tf.mul(cotangent, divNoNan(part, length));
          return tf.complex(share(tf.real(x)), share(tf.imag(x)));
        },
      }),
    },
    { replace: true },
  );
  // The transform's matrix is symmetric, and its conjugate is the inverse but for the length.
  registerKernelVjp('FFT', {
    backward: (cotangent) => ({ input: () => scaled(tf.spectral.ifft(cotangent), cotangent.shape.at(-1)!) }),
  });
  registerKernelVjp('IFFT', {
    backward: (cotangent) => ({ input: () => scaled(tf.spectral.fft(cotangent), 1 / cotangent.shape.at(-1)!) }),
  });
}

function scaled(z: Tensor, by: number): Tensor {
  // By the exact length, as a factor of 1 / n would be rounded to float32.
  const scale = (part: Tensor): Tensor => (by >= 1 ? tf.mul(part, by) : tf.div(part, Math.round(1 / by)));
  return tf.complex(scale(tf.real(z)), scale(tf.imag(z)));
}
