import { attribute, executeOp } from '../../engine/execute-op.js';
import { tf } from '../../engine/tfjs.js';
import { registerNativeKernel, runKernel } from '../native-kernel.js';
import { registerKernelVjp } from '../register-kernel-vjp.js';

const GRADIENT = 'MirrorPadGrad';

/** tfjs's rule cuts the padding off and forgets that it is made of the input's elements, too. */
export function installMirrorPad(): void {
  registerNativeKernel(GRADIENT, ({ cotangent }, { paddings, mode }) =>
    tf.tidy(() => {
      const pairs = paddings as [number, number][];
      return executeOp(
        GRADIENT,
        [
          attribute.type('T', cotangent!.dtype),
          attribute.type('Tpaddings', 'int32'),
          attribute.string('mode', (mode as string).toUpperCase()),
        ],
        [cotangent!, tf.tensor2d(pairs, [pairs.length, 2], 'int32')],
      )[0]!;
    }),
  );
  registerKernelVjp(
    'MirrorPad',
    { backward: (cotangent, _, attributes) => ({ x: () => runKernel(GRADIENT, { cotangent }, attributes) }) },
    { replace: true },
  );
  registerKernelVjp(GRADIENT, {
    backward: (cotangent, _, attributes) => ({ cotangent: () => runKernel('MirrorPad', { x: cotangent }, attributes) }),
  });
}
