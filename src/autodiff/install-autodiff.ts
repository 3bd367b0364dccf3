import { installBiasAdd } from './ops/bias-add.js';
import { installFusedBatchNorm } from './ops/fused-batch-norm.js';
import { installRelu } from './ops/relu.js';
import { installSoftmax } from './ops/softmax.js';
import { installSoftmaxCrossEntropy } from './ops/softmax-cross-entropy.js';
import { installTapeRepairs } from './tape-repair.js';

let done = false;

/** Installs the tape repairs and every kernel rule; called when the engine starts, safe to call again. */
export function installAutodiff(): void {
  if (done) return;
  done = true;
  installTapeRepairs();
  installRelu();
  installBiasAdd();
  installSoftmax();
  installSoftmaxCrossEntropy();
  installFusedBatchNorm();
}
