import { attribute, executeOp } from '../../engine/execute-op.js';
import { registerNativeKernel, runKernel } from '../native-kernel.js';
import { registerKernelVjp } from '../register-kernel-vjp.js';

export function installDepthToSpace(): void {
  registerNativeKernel(
    'SpaceToDepth',
    ({ x }, { blockSize, dataFormat }) =>
      executeOp(
        'SpaceToDepth',
        [
          attribute.type('T', x!.dtype),
          attribute.int('block_size', blockSize as number),
          attribute.string('data_format', dataFormat as string),
        ],
        [x!],
      )[0]!,
  );
  for (const [kernel, inverse] of [
    ['DepthToSpace', 'SpaceToDepth'],
    ['SpaceToDepth', 'DepthToSpace'],
  ] as const) {
    registerKernelVjp(kernel, {
      backward: (cotangent, _, attributes) => ({ x: () => runKernel(inverse, { x: cotangent }, attributes) }),
    });
  }
}
