import { BaseLayer } from '../../src/layers/base-layer.js';
import { Layer } from '../../src/layers/declarations.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { footgunContract } from '../helpers/footgun.js';

@Layer('test/branching')
class Branching extends BaseLayer {
  call(x: Tensor): Tensor {
    if (tf.mean(x).dataSync()[0]! > 0) return tf.relu(x); // the line
    return tf.neg(x);
  }
}

footgunContract("if on a tensor's value", {
  layer: () => new Branching({ name: 'guilty' }),
  kind: 'host-read',
  received: /read by JavaScript \(the result of Mean\)/,
  fix: /choose with tf\.where\(\) instead of if/,
  file: import.meta.url,
});
