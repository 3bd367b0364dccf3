import type { Tensor } from '../engine/tfjs.js';
import type { Variable } from '../engine/variable.js';

/** What follows an update: an average of the weights, or slow weights. */
export interface AfterUpdate {
  readonly name: string;
  /** Names of the slots that each weight needs; they start as copies of the weight. */
  readonly copies: readonly string[];
  /** Names of its int32 scalars, which start at 0. */
  readonly counters: readonly string[];
  /** Written in ops only; writes what it writes where `stands` says so. */
  apply(update: FollowedUpdate): void;
}

/** An update that was made, or was not. */
export interface FollowedUpdate {
  readonly weights: readonly { readonly variable: Variable; readonly copies: Readonly<Record<string, Variable>> }[];
  readonly counters: Readonly<Record<string, Variable>>;
  /** Updates made so far, with this one, an int32 scalar. */
  readonly iterations: Tensor;
  /** Whether the update was made; `null` where it always is. */
  readonly stands: Tensor | null;
}
