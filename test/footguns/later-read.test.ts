import { BaseLayer } from '../../src/layers/base-layer.js';
import { Layer } from '../../src/layers/declarations.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { footgunContract } from '../helpers/footgun.js';

/** Looks at its mean without waiting for it. */
@Layer('test/watching')
class Watching extends BaseLayer {
  seen = 0;

  call(x: Tensor): Tensor {
    const mean = tf.keep(tf.mean(x));
    void mean.data().then(([value]) => (this.seen = value!)); // the line
    mean.dispose();
    return tf.clone(x);
  }
}

footgunContract('data() inside call, awaited by nobody', {
  layer: () => new Watching({ name: 'guilty' }),
  kind: 'host-read',
  received: /the value of a tensor read by JavaScript/,
  fix: /read results after the step/,
  file: import.meta.url,
});
