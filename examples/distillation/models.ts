import {
  BaseModel,
  Child,
  layers,
  Model,
  sequential,
  SparseCategoricalCrossentropy,
  tf,
  type CallContext,
  type StepBatch,
  type StepContext,
  type Tensor,
} from 'adjoint';

/** Softens both sides' probabilities, so that the teacher's second and third guesses count. */
const TEMPERATURE = 2;
/** Share of the labels in the loss; the teacher has the rest. */
const HARD_SHARE = 0.1;

const fromLabels = new SparseCategoricalCrossentropy({ fromLogits: true });

/** A convolutional network, which gives logits `[batch, 10]`. */
export function makeTeacher(): BaseModel {
  return sequential(
    [
      layers.conv2d({ filters: 16, kernelSize: 3, padding: 'same', activation: 'relu' }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.conv2d({ filters: 32, kernelSize: 3, padding: 'same', activation: 'relu' }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.flatten(),
      layers.dense({ units: 64, activation: 'relu' }),
      layers.dense({ units: 10 }),
    ],
    { name: 'teacher' },
  );
}

/** A perceptron with few weights, which gives logits `[batch, 10]`. */
export function makeStudent(): BaseModel {
  return sequential([layers.flatten(), layers.dense({ units: 24, activation: 'relu' }), layers.dense({ units: 10 })], {
    name: 'student',
  });
}

/**
 * A student that learns from labels, where an example's weight says that it has one, and from what a teacher makes of all
 * images.
 */
@Model('example/distillation')
export class Distillation extends BaseModel {
  @Child() student = makeStudent();
  @Child() teacher: BaseModel;

  constructor(teacher: BaseModel) {
    super();
    this.teacher = teacher;
    teacher.trainable = false;
  }

  call(images: Tensor, context: CallContext): Tensor {
    return this.student.call(images, context);
  }

  override trainStep({ x, y, sampleWeight }: StepBatch, step: StepContext): Record<string, Tensor> {
    // Without a context: the teacher answers as in inference.
    const softTeacher = tf.logSoftmax(tf.div(this.teacher.call(x), TEMPERATURE));
    const loss = step.minimize(() => {
      const logits = this.student.call(x, step.call);
      const hard = fromLabels.compute(y!, logits, sampleWeight);
      const soft = divergence(softTeacher, tf.logSoftmax(tf.div(logits, TEMPERATURE)));
      // Softened gradients are smaller by the temperature squared.
      return tf.add(tf.mul(hard, HARD_SHARE), tf.mul(soft, (1 - HARD_SHARE) * TEMPERATURE ** 2));
    });
    return { loss };
  }
}

/** Kullback-Leibler divergence of two rows of log probabilities, mean over the batch. */
function divergence(wanted: Tensor, actual: Tensor): Tensor {
  return tf.mean(tf.sum(tf.mul(tf.exp(wanted), tf.sub(wanted, actual)), -1));
}
