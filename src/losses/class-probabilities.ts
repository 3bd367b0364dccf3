import { logitsKindOf, logitsOf, type LogitsKind } from '../autodiff/logits-origin.js';
import { DataError } from '../core/errors.js';
import { formatShape } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';

/** Keras's fuzz: probabilities are kept this far from 0 and 1 where their logits are not known. */
const EPSILON = 1e-7;
/** Half precision sums a row of softmax to 1 within about this much. */
const ROW_SUM_TOLERANCE = 0.02;

/** Probabilities within (0, 1), for a logarithm. */
export function clipped(probabilities: Tensor): Tensor {
  return tf.clipByValue(probabilities, EPSILON, 1 - EPSILON);
}

/** The logits that predictions are or were made from; `undefined` where there are only probabilities. */
export function logitsBehind(
  predictions: Tensor,
  fromLogits: boolean,
  kind: 'softmax' | 'sigmoid',
): Tensor | undefined {
  const origin = logitsOf(predictions);
  // The softmax of a log-softmax's output is the softmax of its input.
  if (fromLogits) return origin?.kind === 'logSoftmax' && kind === 'softmax' ? origin.logits : predictions;
  return origin?.kind === kind ? origin.logits : undefined;
}

/**
 * Refuses predictions that contradict `fromLogits`. Reads them on the host: for preflight, not for a step.
 *
 * @throws DataError [not-probabilities | not-logits]
 */
export function checkProbabilities(
  predictions: Tensor,
  fromLogits: boolean,
  kind: 'softmax' | 'sigmoid',
  where: string,
): void {
  const madeBy = logitsKindOf(predictions);
  if (fromLogits) {
    if (madeBy === 'softmax' || madeBy === 'sigmoid') throw notLogits(where, madeBy);
    return;
  }
  if (madeBy === kind) return;
  const found = madeBy === 'logSoftmax' ? 'the logarithms that logSoftmax gives' : improbable(predictions, kind);
  if (found === undefined) return;
  throw new DataError('not-probabilities', {
    where,
    expected:
      kind === 'softmax'
        ? 'probabilities: from 0 to 1, with a sum of 1 over the last axis'
        : 'probabilities: from 0 to 1',
    received: found,
    fix: `pass fromLogits: true to the loss, or give the last layer a ${kind} activation`,
  });
}

function notLogits(where: string, madeBy: LogitsKind): DataError {
  return new DataError('not-logits', {
    where,
    expected: 'logits, as the loss has fromLogits: true',
    received: `probabilities, made by a ${madeBy}`,
    fix: `drop fromLogits: true from the loss, or the ${madeBy} activation from the last layer`,
  });
}

/** What shows that these are no probabilities; numbers that are not finite show nothing. */
function improbable(predictions: Tensor, kind: 'softmax' | 'sigmoid'): string | undefined {
  const values = predictions.dataSync<'float32'>();
  const width = predictions.shape.at(-1) ?? 1;
  const place = (i: number) => formatShape([Math.floor(i / width), i % width]);
  const outside = values.findIndex((value) => value < 0 || value > 1 + EPSILON);
  if (outside >= 0) return `${values[outside]} at ${place(outside)}`;
  if (kind === 'sigmoid') return undefined;
  for (let row = 0; row < values.length; row += width) {
    const sum = values.slice(row, row + width).reduce((total, value) => total + value, 0);
    if (Math.abs(sum - 1) > ROW_SUM_TOLERANCE) return `a sum of ${sum} in row ${row / width}`;
  }
  return undefined;
}
