import { tf } from '../../engine/tfjs.js';
import { registerKernelVjp } from '../register-kernel-vjp.js';

/** tfjs's rule transposes the gradient where the axis is not the last. */
export function installCumsum(): void {
  registerKernelVjp(
    'Cumsum',
    {
      backward: (cotangent, _, attributes) => {
        const { axis, exclusive, reverse } = attributes as { axis: number; exclusive: boolean; reverse: boolean };
        return { x: () => tf.cumsum(cotangent, axis, exclusive, !reverse) };
      },
    },
    { replace: true },
  );
}
