import type { Tensor } from '../../src/engine/tfjs.js';

/** A function of tensors; of what it gives, float and complex tensors are differentiated. */
export type TensorFunction = (...inputs: Tensor[]) => Tensor | readonly Tensor[];

export type CaseKind = 'kernel' | 'own kernel' | 'op' | 'activation' | 'layer' | 'loss';

/** A function and a point, one row of the coverage table. */
export interface GradientCase {
  readonly kind: CaseKind;
  readonly name: string;
  /** Where the gradient is taken; a step of the differences does not reach the kink. */
  readonly point: 'away' | 'near a kink' | 'at a zero';
  /** Float32 inputs are differentiated by; others are passed on. */
  readonly inputs: () => Tensor[];
  readonly fn: TensorFunction;
  /** The same in plain tfjs where it is written otherwise there; `null` where tfjs has nothing like it. Default `fn`. */
  readonly plain?: TensorFunction | null;
  /** The same of ops that have double kernels, for a kernel that has none. */
  readonly reference?: TensorFunction;
  /** The kind of error with which it cannot be recorded, where it cannot. */
  readonly refusedRecorded?: string;
}

export const caseId = ({ kind, name, point }: Pick<GradientCase, 'kind' | 'name' | 'point'>): string =>
  `${kind} ${name} ${point}`;
