import { attribute, executeOp } from '../../engine/execute-op.js';
import { tf, type Tensor } from '../../engine/tfjs.js';
import { rememberLogits } from '../logits-origin.js';
import { registerNativeKernel, runKernel } from '../native-kernel.js';

/**
 * Softmax along an axis, `exp(x) / sum(exp(x))`; a loss that follows finds the logits again.
 *
 * @param logits - any shape of rank 1 or more
 * @param axis - default the last
 */
export function softmax(logits: Tensor, axis = -1): Tensor {
  return alongLastAxis(logits, axis, (last) => rememberLogits(tf.softmax(last), last, 'softmax'));
}

/**
 * Logarithm of the softmax along an axis, `x - log(sum(exp(x)))`, finite where the softmax itself underflows.
 *
 * @param logits - any shape of rank 1 or more
 * @param axis - default the last
 */
export function logSoftmax(logits: Tensor, axis = -1): Tensor {
  return alongLastAxis(logits, axis, (last) =>
    rememberLogits(runKernel('LogSoftmax', { logits: last }, { axis: last.rank - 1 }), last, 'logSoftmax'),
  );
}

/**
 * Logistic function, `1 / (1 + exp(-x))`; a loss that follows finds the logits again.
 *
 * @param logits - any shape
 */
export function sigmoid(logits: Tensor): Tensor {
  return rememberLogits(tf.sigmoid(logits), logits, 'sigmoid');
}

function alongLastAxis(x: Tensor, axis: number, fn: (x: Tensor) => Tensor): Tensor {
  const position = axis < 0 ? axis + x.rank : axis;
  if (position === x.rank - 1) return fn(x);
  const order = x.shape.map((_, i) => i);
  order[position] = x.rank - 1;
  order[x.rank - 1] = position;
  // Swapping two axes undoes itself.
  return tf.tidy(() => tf.transpose(fn(tf.transpose(x, order)), order));
}

/** tfjs's rules for Softmax and LogSoftmax need O(K) an example and are exact on the repaired tape. */
export function installSoftmax(): void {
  registerNativeKernel(
    'LogSoftmax',
    ({ logits }) => executeOp('LogSoftmax', [attribute.type('T', 'float32')], [logits!])[0]!,
  );
}
