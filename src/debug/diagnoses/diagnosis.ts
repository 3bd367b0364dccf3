import type { Evidence } from '../evidence.js';

/** Every cause that a `GradientDoctor` names. */
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

/** What a `GradientDoctor` finds to be the cause. */
export type CauseName = (typeof CAUSES)[number];

/** What a `GradientDoctor` found. */
export interface DoctorFinding {
  readonly cause: CauseName;
  /** What one sees of it, in a sentence. */
  readonly symptom: string;
  /** The numbers that prove it. */
  readonly evidence: string;
  /** The layer, weight or line that it is about. */
  readonly where?: string;
  /** What to change. */
  readonly fix: string;
}

/** What a diagnosis says; its cause is known. */
export type Finding = Omit<DoctorFinding, 'cause'>;

/** One cause, and how it is told from everything else. */
export interface Diagnosis {
  readonly cause: CauseName;
  /**
   * When it is asked for. By default at the end of the run; one that costs a pass or more never at each epoch. All are, besides,
   * where an error ends the run.
   */
  readonly needs?: 'first-batch' | 'both-ends' | 'epoch';
  /** `null` where the evidence does not prove it: a false alarm is worse than silence. */
  examine(evidence: Evidence): Finding | null;
}
