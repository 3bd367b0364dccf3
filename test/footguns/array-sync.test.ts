import { BaseLayer } from '../../src/layers/base-layer.js';
import { Layer } from '../../src/layers/declarations.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { footgunContract } from '../helpers/footgun.js';

@Layer('test/through-arrays')
class ThroughArrays extends BaseLayer {
  call(x: Tensor): Tensor {
    const rows = tf.neg(x).arraySync() as number[][]; // the line
    return tf.add(x, tf.tensor2d(rows));
  }
}

footgunContract('arraySync() inside call', {
  layer: () => new ThroughArrays({ name: 'guilty' }),
  kind: 'host-read',
  received: /read by JavaScript \(the result of Neg\)/,
  fix: /read results after the step/,
  file: import.meta.url,
});
