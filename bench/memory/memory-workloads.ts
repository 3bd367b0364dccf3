import type { NetworkLayer } from '../compare/network.js';
import { conv, dense, residualBlock, type Workload } from '../compare/workloads.js';

/** A workload whose activations are most of what its step holds. */
export interface MemoryWorkload extends Workload {
  /** What `{ maxActivationMb }` is given: a third of what the step keeps without checkpoints. */
  readonly budgetMb: number;
}

/** The layers of ResNet-34, by a quarter narrower, for images of 32x32: He et al. (2015), table 1. */
function resnet34(): NetworkLayer[] {
  const stages = [16, 32, 64, 128].flatMap((filters, stage) =>
    Array.from({ length: [3, 4, 6, 3][stage]! }, (_, block) => {
      const isTransition = stage > 0 && block === 0;
      return residualBlock(filters, isTransition ? 2 : 1, isTransition);
    }).flat(),
  );
  return [
    conv(16, false, { bias: false }),
    { kind: 'norm' },
    { kind: 'relu' },
    ...stages,
    { kind: 'globalPool' },
    dense(10, false),
  ];
}

/** The workloads of `--suite memory`. */
export const memoryWorkloads: readonly MemoryWorkload[] = [
  {
    key: 'mlp-32x1024',
    title: 'MLP with 32 hidden layers of 1024; batch 4096',
    input: [1024],
    classes: 10,
    batch: 4096,
    checked: 8,
    stepsPerEpoch: 1,
    network: [...Array.from({ length: 32 }, () => dense(1024)), dense(10, false)],
    budgetMb: 180,
  },
  {
    key: 'resnet34',
    title: 'residual network of 34 layers (16 to 128 filters) on 32x32x3 images; batch 256',
    input: [32, 32, 3],
    classes: 10,
    batch: 256,
    checked: 4,
    stepsPerEpoch: 2,
    network: resnet34(),
    budgetMb: 250,
  },
];
