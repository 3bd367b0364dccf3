import {
  BaseLayer,
  Child,
  initializers,
  Layer,
  layers,
  tf,
  Weight,
  type CallContext,
  type Tensor,
  type WeightHandle,
} from 'adjoint';

/** Carries its input past a layer, but for the share that a gate lets through. */
@Layer('suite/highway')
export class Highway extends BaseLayer {
  @Child() content: BaseLayer;
  @Child() gate: BaseLayer;

  constructor(width: number, gateBias: number) {
    super();
    this.content = layers.dense({ units: width, activation: 'relu' });
    this.gate = layers.dense({
      units: width,
      activation: 'sigmoid',
      biasInitializer: initializers.constant({ value: gateBias }),
    });
  }

  call(x: Tensor, context: CallContext): Tensor {
    const open = this.gate.call(x, context);
    return tf.add(x, tf.mul(open, tf.sub(this.content.call(x, context), x)));
  }
}

/** The sum of the vectors of a text's words. */
@Layer('suite/word-vectors')
export class WordVectors extends BaseLayer {
  constructor(
    readonly words: number,
    readonly width: number,
  ) {
    super();
  }

  @Weight<WordVectors>((layer) => ({
    shape: [layer.words, layer.width],
    initializer: initializers.randomNormal({ standardDeviation: 0.1 }),
  }))
  table!: WeightHandle;

  call(x: Tensor): Tensor {
    return tf.sum(tf.gather(this.table.value, tf.cast(x, 'int32')), 1);
  }
}
