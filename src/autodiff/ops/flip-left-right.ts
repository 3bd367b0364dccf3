import { runKernel } from '../native-kernel.js';
import { registerKernelVjp } from '../register-kernel-vjp.js';

export function installFlipLeftRight(): void {
  registerKernelVjp('FlipLeftRight', {
    backward: (cotangent) => ({ image: () => runKernel('FlipLeftRight', { image: cotangent }) }),
  });
}
