import { BaseLayer } from '../../src/layers/base-layer.js';
import { Layer } from '../../src/layers/declarations.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { footgunContract } from '../helpers/footgun.js';

@Layer('test/jittered')
class Jittered extends BaseLayer {
  call(x: Tensor): Tensor {
    return tf.add(x, Math.random()); // the line
  }
}

footgunContract('Math.random() inside call', {
  layer: () => new Jittered({ name: 'guilty' }),
  kind: 'host-draw',
  received: /Math\.random\(\), which draws in JavaScript/,
  fix: /context\.uniform\(shape\) or context\.normal\(shape\)/,
  file: import.meta.url,
  random: true,
});
