import { ShapeError } from '../../core/errors.js';
import { formatShape } from '../../core/shape.js';
import { attribute, executeOp } from '../../engine/execute-op.js';
import { tf, type Tensor } from '../../engine/tfjs.js';
import { registerNativeKernel, runKernels } from '../native-kernel.js';
import { registerKernelVjp } from '../register-kernel-vjp.js';
import { logSoftmax } from './softmax.js';

const DENSE = 'SoftmaxCrossEntropyWithLogits';
const SPARSE = 'SparseSoftmaxCrossEntropyWithLogits';

/**
 * Cross-entropy of labels and the softmax of logits, `-sum(labels * logSoftmax(logits))`, from the logits themselves.
 *
 * The gradient by the logits is `softmax(logits) * sum(labels) - labels`: exact however far a logit leads, and also
 * where labels do not sum to 1 (TensorFlow's own gradient leaves that factor out).
 *
 * @param logits - `[..., classes]`, rank 2 or more
 * @param labels - `[..., classes]`, float32
 * @returns `[...]`
 * @throws ShapeError [label-shape]
 */
export function softmaxCrossEntropy(logits: Tensor, labels: Tensor): Tensor {
  if (logits.rank < 2 || !tf.util.arraysEqual(logits.shape, labels.shape)) {
    throw labelShapeError('softmaxCrossEntropy', logits, labels, '[..., classes] for both');
  }
  return tf.tidy(() => {
    const classes = logits.shape.at(-1)!;
    const rows = { logits: tf.reshape(logits, [-1, classes]), labels: tf.reshape(labels, [-1, classes]) };
    return tf.reshape(runKernels(DENSE, rows)[0]!, logits.shape.slice(0, -1));
  });
}

/**
 * Cross-entropy of class indices and the softmax of logits, `-logSoftmax(logits)[label]`.
 *
 * @param logits - `[..., classes]`, rank 2 or more
 * @param labels - `[...]`, int32, each from 0 to classes - 1
 * @returns `[...]`
 * @throws ShapeError [label-shape]
 */
export function sparseSoftmaxCrossEntropy(logits: Tensor, labels: Tensor): Tensor {
  const leading = logits.shape.slice(0, -1);
  if (logits.rank < 2 || labels.dtype !== 'int32' || !tf.util.arraysEqual(leading, labels.shape)) {
    throw labelShapeError('sparseSoftmaxCrossEntropy', logits, labels, 'logits [..., classes] and int32 labels [...]');
  }
  return tf.tidy(() => {
    const rows = { logits: tf.reshape(logits, [-1, logits.shape.at(-1)!]), labels: tf.reshape(labels, [-1]) };
    return tf.reshape(runKernels(SPARSE, rows)[0]!, leading);
  });
}

export function installSoftmaxCrossEntropy(): void {
  registerNativeKernel(DENSE, ({ logits, labels }) =>
    executeOp(DENSE, [attribute.type('T', 'float32')], [logits!, labels!], 2),
  );
  registerNativeKernel(SPARSE, ({ logits, labels }) =>
    executeOp(SPARSE, [attribute.type('T', 'float32'), attribute.type('Tlabels', 'int32')], [logits!, labels!], 2),
  );
  // Output 1 of both kernels is softmax(logits) - labels. Being an output, it is differentiated in its turn.
  registerKernelVjp(DENSE, {
    keepInputs: ['logits', 'labels'],
    keepOutputs: [false, true],
    backward: (_, kept, __, [loss, difference]) => {
      const logits = kept.input('logits');
      const labels = kept.input('labels');
      return {
        logits: () => {
          const probabilities = tf.add(kept.output(1), labels);
          const scaled = tf.sub(tf.mul(probabilities, tf.sum(labels, -1, true)), labels);
          return sumOf(logits, [
            loss && tf.mul(tf.expandDims(loss, -1), scaled),
            difference && softmaxVjp(probabilities, difference),
          ]);
        },
        labels: () =>
          sumOf(labels, [
            loss && tf.neg(tf.mul(tf.expandDims(loss, -1), logSoftmax(logits))),
            difference && tf.neg(difference),
          ]),
      };
    },
  });
  registerKernelVjp(SPARSE, {
    keepInputs: ['logits'],
    keepOutputs: [false, true],
    backward: (_, kept, __, [loss, difference]) => ({
      logits: () =>
        sumOf(kept.input('logits'), [
          loss && tf.mul(tf.expandDims(loss, -1), kept.output(1)),
          difference && softmaxVjp(tf.softmax(kept.input('logits')), difference),
        ]),
    }),
  });
}

function softmaxVjp(probabilities: Tensor, cotangent: Tensor): Tensor {
  const weighted = tf.mul(probabilities, cotangent);
  return tf.sub(weighted, tf.mul(probabilities, tf.sum(weighted, -1, true)));
}

function sumOf(like: Tensor, terms: readonly (Tensor | null | undefined)[]): Tensor {
  const [first, second] = terms.filter((term) => term !== null && term !== undefined);
  if (first === undefined) return tf.zerosLike(like);
  return second === undefined ? first : tf.add(first, second);
}

function labelShapeError(where: string, logits: Tensor, labels: Tensor, expected: string): ShapeError {
  return new ShapeError('label-shape', {
    where,
    expected,
    received: `logits ${formatShape(logits.shape)}, ${labels.dtype} labels ${formatShape(labels.shape)}`,
  });
}
