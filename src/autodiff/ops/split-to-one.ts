import { tf } from '../../engine/tfjs.js';

/** tfjs's rules of kernels that give a list are handed no list where it has one element, and fail. */
export function installSplitToOne(): void {
  for (const kernel of ['SplitV', 'Unpack']) {
    const entry = tf.getGradient(kernel);
    tf.unregisterGradient(kernel);
    tf.registerGradient({
      ...entry,
      gradFunc: (cotangents, saved, attributes) => entry.gradFunc([cotangents].flat(), saved, attributes),
    });
  }
}
