import type { Tensor } from '../engine/tfjs.js';

/** The function that made probabilities from logits. */
export type LogitsKind = 'softmax' | 'sigmoid' | 'logSoftmax';

/** Where a tensor of probabilities came from. */
export interface LogitsOrigin {
  readonly logits: Tensor;
  readonly kind: LogitsKind;
}

const origins = new WeakMap<Tensor, LogitsOrigin>();

/** Notes that `output` is `kind` of `logits`, so that a loss may be computed from the logits themselves. */
export function rememberLogits<T extends Tensor>(output: T, logits: Tensor, kind: LogitsKind): T {
  origins.set(output, { logits, kind });
  return output;
}

/** The logits that a tensor was made from, if they are known and still alive. */
export function logitsOf(output: Tensor): LogitsOrigin | undefined {
  const origin = origins.get(output);
  return origin === undefined || origin.logits.isDisposed ? undefined : origin;
}

/** What a tensor of probabilities was made by, even where its logits are gone. */
export function logitsKindOf(output: Tensor): LogitsKind | undefined {
  return origins.get(output)?.kind;
}
