import {
  Adam,
  BaseModel,
  BinaryCrossentropy,
  Child,
  layers,
  Model,
  sequential,
  tf,
  type CallContext,
  type StepBatch,
  type StepContext,
  type Tensor,
} from 'adjoint';

/** Width of the noise that the generator is fed. */
export const NOISE = 8;

const realOrFake = new BinaryCrossentropy({ fromLogits: true });

/** A perceptron of two hidden layers. */
function perceptron(units: number): BaseModel {
  return sequential([
    layers.dense({ units: 64, activation: 'relu' }),
    layers.dense({ units: 64, activation: 'relu' }),
    layers.dense({ units }),
  ]);
}

/** Generator and discriminator, trained against each other; as a whole it makes points `[batch, 2]` of noise. */
@Model('example/gan')
export class Gan extends BaseModel {
  @Child() generator = perceptron(2);
  @Child() discriminator = perceptron(1);
  /** The two objectives pull in opposite directions: each keeps moments of its own. */
  readonly generatorOptimizer = new Adam({ learningRate: 1e-3, beta1: 0.5 });
  readonly discriminatorOptimizer = new Adam({ learningRate: 1e-3, beta1: 0.5 });

  call(noise: Tensor, context: CallContext): Tensor {
    return this.generator.call(noise, context);
  }

  override trainStep({ x: real, size }: StepBatch, step: StepContext): Record<string, Tensor> {
    const [ones, zeros] = [tf.ones([size, 1]), tf.zeros([size, 1])];
    const generate = (): Tensor => this.generator.call(step.call.normal([size, NOISE]), step.call);
    const judge = (points: Tensor): Tensor => this.discriminator.call(points, step.call);

    // Made outside of the loss: a constant, which the generator is not trained by.
    const fake = generate();
    const discriminatorLoss = step.minimize(
      () => tf.add(realOrFake.compute(ones, judge(real)), realOrFake.compute(zeros, judge(fake))),
      { weights: 'discriminator', optimizer: this.discriminatorOptimizer },
    );
    const generatorLoss = step.minimize(() => realOrFake.compute(ones, judge(generate())), {
      weights: 'generator',
      optimizer: this.generatorOptimizer,
    });
    return { discriminatorLoss, generatorLoss };
  }
}
