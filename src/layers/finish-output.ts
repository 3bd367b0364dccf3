import type { Tensor } from '../engine/tfjs.js';
import { resolveActivation, type ActivationLike } from './activations.js';
import type { CallContext } from './call-context.js';
import { resolveRegularizer, type RegularizerLike } from './regularizers.js';

/** What the end of a layer's call reads from its options. */
interface OutputOptions {
  readonly activation: ActivationLike;
  readonly activityRegularizer?: RegularizerLike;
}

/** The end of a layer's call: the activation, and the penalty on the output as a mean over the batch. */
export function finishOutput(
  x: Tensor,
  options: OutputOptions,
  where: string,
  context: CallContext | undefined,
): Tensor {
  const output = resolveActivation(options.activation, where)(x);
  const regularizer = resolveRegularizer(options.activityRegularizer, where);
  if (regularizer !== undefined) context?.addLoss(regularizer.penalty(output).div(output.shape[0]!));
  return output;
}
