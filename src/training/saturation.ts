import { tf, type Tensor } from '../engine/tfjs.js';

/** As near to a bound as this, a part of the way between the bounds, a slope is under 4 % of its steepest. */
const NEAR = 0.01;

/** Lower and upper bound of the activations that have them. */
const BOUNDS: Readonly<Record<string, readonly [number, number]>> = { sigmoid: [0, 1], tanh: [-1, 1] };

/** Which part of a layer's outputs lie in the flat part of its activation; `null` where that has none, or is unknown. */
export function measureSaturation({ options }: { readonly options: object }, output: Tensor): Tensor | null {
  const { activation } = options as { readonly activation?: unknown };
  const bounds = typeof activation === 'string' && Object.hasOwn(BOUNDS, activation) ? BOUNDS[activation] : undefined;
  if (bounds === undefined) return null;
  const [low, high] = bounds;
  const near = NEAR * (high - low);
  const flat = tf.logicalOr(tf.less(output, tf.scalar(low + near)), tf.greater(output, tf.scalar(high - near)));
  return tf.mean(tf.cast(flat, 'float32'));
}
