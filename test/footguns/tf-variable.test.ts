import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { BaseLayer } from '../../src/layers/base-layer.js';
import { Layer } from '../../src/layers/declarations.js';
import { footgunContract } from '../helpers/footgun.js';

/** Keeps state as tf.layers would. */
@Layer('test/with-tf-variable')
class WithTfVariable extends BaseLayer {
  readonly factor = tf.tidy(() => tf.variable(tf.scalar(2), false));

  call(x: Tensor): Tensor {
    return tf.mul(x, this.factor); // the line
  }

  override dispose(): void {
    this.factor.dispose();
    super.dispose();
  }
}

footgunContract('a tf.Variable inside call', {
  layer: () => new WithTfVariable({ name: 'guilty' }),
  kind: 'tf-variable',
  received: /the tf\.Variable ".*", whose later values a recording would not see/,
  fix: /keep it in a Variable of Adjoint/,
  file: import.meta.url,
});
