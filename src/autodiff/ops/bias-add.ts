import { ShapeError } from '../../core/errors.js';
import { formatShape } from '../../core/shape.js';
import { attribute, executeOp } from '../../engine/execute-op.js';
import { isHalf, sumInOwnType } from '../../engine/precision/float-type.js';
import { engine } from '../../engine/start-engine.js';
import { tf, type Tensor } from '../../engine/tfjs.js';
import { registerNativeKernel, runKernel } from '../native-kernel.js';
import { registerKernelVjp } from '../register-kernel-vjp.js';

/**
 * Adds a vector along the last axis, `y = x + bias`, whose gradient is one native sum over all other axes.
 *
 * @param x - `[..., channels]`, rank 2 or more
 * @param bias - `[channels]`
 * @throws ShapeError [bias-shape]
 */
export function biasAdd(x: Tensor, bias: Tensor): Tensor {
  if (x.rank < 2 || bias.rank !== 1 || bias.shape[0] !== x.shape.at(-1)) {
    throw new ShapeError('bias-shape', {
      where: 'biasAdd',
      expected: 'x of rank 2 or more  [..., channels] and bias  [channels]',
      received: `x ${formatShape(x.shape)}, bias ${formatShape(bias.shape)}`,
    });
  }
  return runKernel('BiasAdd', { value: x, bias });
}

const ATTRIBUTES = () => [attribute.type('T', 'float32'), attribute.string('data_format', 'NHWC')];

export function installBiasAdd(): void {
  registerNativeKernel('BiasAdd', ({ value, bias }) => executeOp('BiasAdd', ATTRIBUTES(), [value!, bias!])[0]!);
  registerNativeKernel('BiasAddGrad', ({ cotangent }) =>
    // On a CPU this op adds up half precision in half precision: over a hundred thousand terms nothing of the sum is right.
    isHalf(cotangent!) && !engine().backend.binding.isUsingGpuDevice()
      ? sumInOwnType(cotangent!, cotangent!.shape.slice(0, -1).keys())
      : executeOp('BiasAddGrad', ATTRIBUTES(), [cotangent!])[0]!,
  );
  registerKernelVjp('BiasAdd', {
    backward: (cotangent) => ({
      value: () => cotangent,
      bias: () => runKernel('BiasAddGrad', { cotangent }),
    }),
  });
  registerKernelVjp('BiasAddGrad', {
    keepInputs: ['cotangent'],
    backward: (cotangent, kept) => ({ cotangent: () => biasAdd(tf.zerosLike(kept.input('cotangent')), cotangent) }),
  });
}
