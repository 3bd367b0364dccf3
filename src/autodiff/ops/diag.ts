import { attribute, executeOp } from '../../engine/execute-op.js';
import { registerNativeKernel, runKernel } from '../native-kernel.js';
import { registerKernelVjp } from '../register-kernel-vjp.js';

export function installDiag(): void {
  registerNativeKernel('DiagPart', ({ x }) => executeOp('DiagPart', [attribute.type('T', x!.dtype)], [x!])[0]!);
  registerKernelVjp('Diag', { backward: (cotangent) => ({ x: () => runKernel('DiagPart', { x: cotangent }) }) });
  registerKernelVjp('DiagPart', { backward: (cotangent) => ({ x: () => runKernel('Diag', { x: cotangent }) }) });
}
