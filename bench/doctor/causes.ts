/** What may be wrong with a training run; a fault is scored by its cause. */
export const CAUSES = [
  'wrong-sign-gradient',
  'saturation',
  'dead-relu',
  'exploding-initialisation',
  'vanishing-depth',
  'overfit-high-rate',
  'unzeroed-gradients',
  'overwritten-tensor',
  'too-much-detach',
  'growing-graph',
  'norm-spikes',
  'float16-underflow',
  'frozen-dropout',
  'shifted-labels',
  'unnormalised-inputs',
  'softmax-twice',
  'log-of-zero',
  'learning-rate-too-high',
  'learning-rate-too-low',
  'unused-weight',
  'non-differentiable-op',
  'constant-labels-or-shuffled-labels',
  'zero-initialisation',
  'leaking-tensors',
] as const;

export type CauseName = (typeof CAUSES)[number];
