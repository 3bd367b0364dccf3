import { tf, type Tensor } from '../engine/tfjs.js';
import type { Padding } from './option-validators.js';

/**
 * A convolution with stride 1 whose taps lie `dilation` pixels apart: pixels of one phase become images of their own and
 * are convolved without gaps. TensorFlow's CPU kernels and tfjs have no gradient of the dilated kernel itself.
 */
export function dilatedConv2d(x: Tensor, kernel: Tensor, dilation: readonly number[], padding: Padding): Tensor {
  const axes = [0, 1].map((i) => {
    const length = x.shape[i + 1]!;
    const rate = dilation[i]!;
    const margin = padding === 'same' ? (kernel.shape[i]! - 1) * rate : 0;
    const before = Math.floor(margin / 2);
    const fill = (rate - ((length + margin) % rate)) % rate;
    return { rate, pads: [before, margin - before + fill], crops: [0, fill] };
  });
  const block = axes.map(({ rate }) => rate);
  const phases = tf.spaceToBatchND(
    x,
    block,
    axes.map(({ pads }) => pads),
  );
  const convolved = tf.conv2d(phases as tf.Tensor4D, kernel as tf.Tensor4D, 1, 'valid');
  return tf.batchToSpaceND(
    convolved,
    block,
    axes.map(({ crops }) => crops),
  );
}
