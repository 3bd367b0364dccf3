import { tf } from '../tfjs.js';
import { concat } from './concat.js';
import { denseBincount } from './dense-bincount.js';
import { gatherV2 } from './gather-v2.js';
import { reshape } from './reshape.js';
import { round } from './round.js';

/** Puts Adjoint's kernels in the place of those of tfjs-node that are missing or at fault. */
export function installKernels(): void {
  for (const kernel of [concat, denseBincount, gatherV2, reshape, round]) {
    if (tf.getKernel(kernel.kernelName, kernel.backendName) !== undefined) {
      tf.unregisterKernel(kernel.kernelName, kernel.backendName);
    }
    tf.registerKernel(kernel);
  }
}
