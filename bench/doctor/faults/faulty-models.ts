import {
  BaseLayer,
  BaseModel,
  Child,
  CustomVjp,
  initializers,
  Layer,
  layers,
  Model,
  tf,
  Weight,
  type CallContext,
  type Tensor,
  type WeightHandle,
} from 'adjoint';

/** Less the squared distances to a prototype of each class, with a backward pass that forgot the "less". */
@Layer('suite/prototypes')
export class Prototypes extends BaseLayer {
  constructor(readonly count: number) {
    super();
  }

  @Weight<Prototypes>((layer, input) => ({
    shape: [layer.count, input.at(-1)],
    initializer: initializers.randomNormal({ standardDeviation: 0.3 }),
  }))
  prototypes!: WeightHandle;

  @CustomVjp('suite/prototypes', {
    inputs: ['x'],
    weights: ['prototypes'],
    keep: ['x', 'prototypes'],
    backward: (cotangent, { x, prototypes }) => ({
      x: () => tf.mul(2, tf.sub(tf.mul(x!, tf.sum(cotangent, 1, true)), tf.matMul(cotangent, prototypes!))),
      prototypes: () => {
        const share = tf.reshape(tf.sum(cotangent, 0), [-1, 1]);
        return tf.mul(2, tf.sub(tf.mul(prototypes!, share), tf.matMul(cotangent, x!, true, false)));
      },
    }),
  })
  call(x: Tensor): Tensor {
    const prototypes = this.prototypes.value;
    const squares = tf.add(tf.sum(tf.square(x), 1, true), tf.reshape(tf.sum(tf.square(prototypes), 1), [1, -1]));
    return tf.sub(tf.mul(2, tf.matMul(x, prototypes, false, true)), squares);
  }
}

/** A convolution times a gate of its own, as of a highway network, but with nothing that is carried past the gate. */
@Layer('suite/gated-convolution')
export class GatedConvolution extends BaseLayer {
  @Child() content: BaseLayer;
  @Child() gate: BaseLayer;

  constructor(filters: number, kernelSize: number, strides: number, gateBias: number) {
    super();
    this.content = layers.conv2d({ filters, kernelSize, strides });
    this.gate = layers.conv2d({
      filters,
      kernelSize,
      strides,
      activation: 'sigmoid',
      biasInitializer: initializers.constant({ value: gateBias }),
    });
  }

  call(x: Tensor, context: CallContext): Tensor {
    return tf.mul(this.content.call(x, context), this.gate.call(x, context));
  }
}

/** Encodes, refines the code by one cell many times over, and reads the answer off the last. */
@Model('suite/refined-code')
export class RefinedCode extends BaseModel {
  @Child() encoder: BaseLayer;
  @Child() cell: BaseLayer;
  @Child() head: BaseLayer;

  constructor(
    width: number,
    private readonly times: number,
    scale: number,
    units: number,
  ) {
    super();
    this.encoder = layers.dense({ units: width, activation: 'tanh' });
    const kernelInitializer = initializers.varianceScaling({ scale });
    this.cell = layers.dense({ units: width, activation: 'tanh', kernelInitializer });
    this.head = layers.dense({ units });
  }

  call(x: Tensor, context: CallContext): Tensor {
    let code = this.encoder.call(x, context);
    for (let i = 0; i < this.times; i++) code = this.cell.call(code, context);
    return this.head.call(code, context);
  }
}

/** Keeps the columns of its kernel at length one by a write in the forward pass, which knows no update yet. */
@Layer('suite/unit-columns')
export class UnitColumns extends BaseLayer {
  constructor(
    readonly units: number,
    private readonly activation: (x: Tensor) => Tensor,
  ) {
    super();
  }

  @Weight<UnitColumns>((layer, input) => ({ shape: [input.at(-1), layer.units] })) kernel!: WeightHandle;

  call(x: Tensor, context: CallContext): Tensor {
    const kernel = this.kernel.value;
    const unit = tf.div(kernel, tf.add(1e-6, tf.norm(kernel, 'euclidean', 0, true)));
    if (context.training) context.assign(this.kernel, unit);
    return this.activation(tf.matMul(x, unit));
  }
}

/** The mean of its members' probabilities. */
@Model('suite/averaged-members')
export class AveragedMembers extends BaseModel {
  @Child() hidden: BaseLayer[];
  @Child() answers: BaseLayer[];

  constructor(members: number, width: number, units: number) {
    super();
    this.hidden = Array.from({ length: members }, () => layers.dense({ units: width, activation: 'relu' }));
    this.answers = Array.from({ length: members }, () => layers.dense({ units, activation: 'softmax' }));
  }

  call(x: Tensor, context: CallContext): Tensor {
    const answers = this.answers.map((answer, i) => answer.call(this.hidden[i]!.call(x, context), context));
    return tf.div(tf.addN(answers), answers.length);
  }
}
