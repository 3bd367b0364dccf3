import {
  Adam,
  BaseModel,
  BaseOptimizer,
  Child,
  defineVjp,
  handwrittenDigits,
  initializers,
  layers,
  Model,
  Optimizer,
  sequential,
  SGD,
  SparseCategoricalCrossentropy,
  stopGradient,
  tf,
  type CallContext,
  type CauseName,
  type GradientDoctor,
  type HostArray,
  type Tensor,
  type WeightUpdate,
} from 'adjoint';

/** A script with a fault. */
export interface Patient {
  readonly name: string;
  readonly cause: CauseName;
  readonly train: (doctor: GradientDoctor, epochs: number) => Promise<unknown>;
}

const DIGITS = 320;
const digits = handwrittenDigits({ train: DIGITS, test: 16 }).train as { x: HostArray; y: HostArray };
const logits = () => new SparseCategoricalCrossentropy({ fromLogits: true });
const deviation = (standardDeviation: number) => initializers.randomNormal({ standardDeviation });

async function fit(
  model: BaseModel,
  doctor: GradientDoctor,
  epochs: number,
  { compile = {}, data = digits }: { compile?: object; data?: { x: HostArray; y: HostArray } } = {},
): Promise<void> {
  model.compile({ optimizer: new Adam({ learningRate: 0.003 }), loss: logits(), ...compile });
  try {
    await model.fit(data, { epochs, batchSize: 32, verbose: 0, callbacks: [doctor] });
  } finally {
    model.dispose();
  }
}

function perceptron(hidden: object = {}, head: object = {}): BaseModel {
  return sequential([
    layers.flatten(),
    layers.dense({ units: 32, activation: 'relu', ...hidden }),
    layers.dense({ units: 10, ...head }),
  ]);
}

const wrongTanh = defineVjp('tour/tanh', {
  inputs: ['x'],
  forward: (x) => ({ value: tf.tanh(x), keep: { x } }),
  // The derivative of tanh is 1 - tanh^2, not its opposite.
  backward: (cotangent, { x }) => ({ x: () => tf.mul(cotangent, tf.sub(tf.square(tf.tanh(x)), 1)) }),
});

@Model('tour/cut')
class Cut extends BaseModel {
  @Child() flatten = layers.flatten();
  @Child() body = layers.dense({ units: 32, activation: 'tanh' });
  @Child() head = layers.dense({ units: 10 });

  call(x: Tensor, context: CallContext): Tensor {
    const features = this.body.call(this.flatten.call(x, context), context);
    return this.head.call(stopGradient(features), context);
  }
}

@Optimizer('tour/summing')
class Summing extends BaseOptimizer {
  override slots(): Record<string, number> {
    return { sum: 0 };
  }

  apply({ variable, gradient, slots, learningRate }: WeightUpdate): void {
    slots['sum']!.assignAdd(gradient);
    variable.assignAdd(tf.neg(tf.mul(learningRate, slots['sum']!.read())));
  }
}

/** Pixels from 0 to 255, as files have them. */
function pixels(): { x: HostArray; y: HostArray } {
  const values = Float32Array.from(digits.x.values, (value) => value * 255);
  return { x: { shape: digits.x.shape, dtype: 'float32', values }, y: digits.y };
}

/** Each image with the label of the next one. */
function shifted(): { x: HostArray; y: HostArray } {
  const values = digits.y.values.slice();
  values.set(digits.y.values.subarray(1));
  values[values.length - 1] = digits.y.values[0]!;
  return { x: digits.x, y: { ...digits.y, values } };
}

/** Ten scripts, each with another fault. */
export const PATIENTS: readonly Patient[] = [
  {
    name: 'a rule with the wrong sign',
    cause: 'wrong-sign-gradient',
    train: (doctor, epochs) => fit(perceptron({ activation: (x: Tensor) => wrongTanh(x) }), doctor, epochs),
  },
  {
    name: 'twelve layers of sigmoid',
    cause: 'vanishing-depth',
    train: (doctor, epochs) => {
      const hidden = Array.from({ length: 12 }, () => layers.dense({ units: 16, activation: 'sigmoid' }));
      return fit(sequential([layers.flatten(), ...hidden, layers.dense({ units: 10 })]), doctor, epochs);
    },
  },
  {
    name: 'weights drawn too large',
    cause: 'exploding-initialisation',
    train: (doctor, epochs) => fit(perceptron({ kernelInitializer: deviation(1) }), doctor, epochs),
  },
  {
    name: 'biases far below zero',
    cause: 'dead-relu',
    train: (doctor, epochs) => {
      return fit(perceptron({ biasInitializer: initializers.constant({ value: -50 }) }), doctor, epochs);
    },
  },
  {
    name: 'pixels up to 255',
    cause: 'unnormalised-inputs',
    train: (doctor, epochs) => fit(perceptron(), doctor, epochs, { data: pixels() }),
  },
  {
    name: 'labels one row off',
    cause: 'shifted-labels',
    train: (doctor, epochs) => fit(perceptron(), doctor, epochs, { data: shifted() }),
  },
  {
    name: 'softmax twice',
    cause: 'softmax-twice',
    train: (doctor, epochs) => fit(perceptron({}, { activation: (x: Tensor) => tf.softmax(x) }), doctor, epochs),
  },
  {
    name: 'features that are cut off',
    cause: 'too-much-detach',
    train: (doctor, epochs) => fit(new Cut(), doctor, epochs),
  },
  {
    name: 'gradients that are added up',
    cause: 'unzeroed-gradients',
    train: (doctor, epochs) =>
      fit(perceptron(), doctor, epochs, { compile: { optimizer: new Summing({ learningRate: 0.01 }) } }),
  },
  {
    name: 'a rate of 30',
    cause: 'learning-rate-too-high',
    train: (doctor, epochs) => {
      const compile = { optimizer: new SGD({ learningRate: 30 }) };
      return fit(perceptron({ activation: 'tanh' }), doctor, epochs, { compile });
    },
  },
];

/** The same network without a fault. */
export function trainHealthy(doctor: GradientDoctor, epochs: number): Promise<void> {
  return fit(perceptron(), doctor, epochs);
}
