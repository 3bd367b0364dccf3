import { BaseLayer } from '../../src/layers/base-layer.js';
import { Layer } from '../../src/layers/declarations.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { footgunContract } from '../helpers/footgun.js';

/** Scales by the largest value, which it looks up in JavaScript. */
@Layer('test/scaled-on-the-host')
class ScaledOnTheHost extends BaseLayer {
  call(x: Tensor): Tensor {
    const [largest] = tf.max(tf.abs(x)).dataSync(); // the line
    return tf.mul(x, 1 / (1 + largest!));
  }
}

footgunContract('dataSync() inside call', {
  layer: () => new ScaledOnTheHost({ name: 'guilty' }),
  kind: 'host-read',
  received: /the value of a tensor read by JavaScript \(the result of Max\)/,
  fix: /tf\.where\(\) instead of if/,
  file: import.meta.url,
});
