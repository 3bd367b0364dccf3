import { tf } from '../../engine/tfjs.js';
import { runKernel } from '../native-kernel.js';
import { registerKernelVjp } from '../register-kernel-vjp.js';

/** Reading slices at indices and adding slices at indices are each other's transpose. */
export function installGatherNd(): void {
  registerKernelVjp('GatherNd', {
    keepInputs: ['params', 'indices'],
    backward: (cotangent, kept) => ({
      params: () => {
        const { shape } = kept.input('params');
        return runKernel('ScatterNd', { indices: kept.input('indices'), updates: cotangent }, { shape });
      },
    }),
  });
  registerKernelVjp('ScatterNd', {
    keepInputs: ['indices'],
    backward: (cotangent, kept) => ({ updates: () => tf.gatherND(cotangent, kept.input('indices')) }),
  });
}
