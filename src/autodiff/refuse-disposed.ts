import { GradientError } from '../core/errors.js';
import type { Tensor } from '../engine/tfjs.js';

/** A rule's functions are lent what they get; others go on using it. */
export function refuseDisposed(tensor: Tensor, where: string, what: string): void {
  if (!tensor.isDisposed) return;
  throw new GradientError('rule-disposed', {
    where,
    expected: `${what} as it was`,
    received: `${what} disposed`,
    fix: 'dispose what the function made itself, or let tf.tidy() do it',
  });
}
