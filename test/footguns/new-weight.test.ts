import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { BaseLayer } from '../../src/layers/base-layer.js';
import type { CallContext } from '../../src/layers/call-context.js';
import { Child, Layer } from '../../src/layers/declarations.js';
import { layers } from '../../src/layers/layers.js';
import { footgunContract } from '../helpers/footgun.js';

/** Has a branch that only training takes: nothing has built it when the step is recorded. */
@Layer('test/built-late')
class BuiltLate extends BaseLayer {
  @Child() extra = layers.dense({ units: 3 });

  call(x: Tensor, context: CallContext): Tensor {
    return context.training ? tf.add(x, this.extra.call(x, context)) : tf.clone(x); // the line
  }
}

footgunContract('a weight made inside the step', {
  layer: () => new BuiltLate({ name: 'guilty' }),
  kind: 'new-variable',
  received: /a variable made inside the step/,
  fix: /declare it with @Weight/,
  file: import.meta.url,
  // Weights that are made within a step are trained from the next fit on.
  random: true,
});
