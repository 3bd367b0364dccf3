import { BinaryCrossentropy } from '../../losses/binary-crossentropy.js';
import { MeanSquaredError } from '../../losses/mean-squared-error.js';
import { SparseCategoricalCrossentropy } from '../../losses/sparse-categorical-crossentropy.js';
import { CategoricalCrossentropy } from '../../losses/categorical-crossentropy.js';
import { tf } from '../../engine/tfjs.js';
import { disposeBatch, toDeviceBatch } from '../../training/device-batch.js';
import { attempt, type Evidence } from '../evidence.js';
import { rows, type Values } from '../look-inside.js';
import { formatNumber } from '../statistics.js';
import { withStateKept } from '../kept-state.js';
import type { Diagnosis, Finding } from './diagnosis.js';
import { softmaxOfSoftmax } from './softmax-chains.js';

/** Sums of rows of a softmax in float32; half precision has three digits. */
const SUM = 5e-3;
const LEAST_ROWS = 8;
/** Adding this to all logits of a row changes no softmax. */
const SHIFT = 2;
const SAME = 1e-4;

/** Probabilities given to something that takes the softmax, or sigmoid, of them. */
export const softmaxTwice: Diagnosis = {
  cause: 'softmax-twice',
  needs: 'both-ends',
  examine(evidence) {
    if (evidence.ownStep) return inOwnStep(evidence);
    if (evidence.plan.loss instanceof MeanSquaredError) return null;
    const look = evidence.start;
    if (look === null || (look.output.shape[0] ?? 0) < LEAST_ROWS) return null;
    const { loss } = evidence.plan;
    const fix =
      'leave one of the two out: no activation in the last layer and fromLogits: true, or softmax and fromLogits: false';
    const symptom =
      'The loss comes down slowly and stops far above zero, because the softmax of probabilities is almost flat.';
    const range = rangeOf(look.output);
    const last = look.layers.filter(({ depth }) => depth <= 2).at(-1);
    if (areProbabilities(look.output)) {
      const fromLogits =
        (loss instanceof SparseCategoricalCrossentropy || loss instanceof CategoricalCrossentropy) &&
        loss.options.fromLogits;
      if (fromLogits || ignoresShifts(evidence, look.output)) {
        return {
          symptom,
          evidence:
            `the model's outputs are probabilities (rows sum to 1, from ${range}), and the loss takes the softmax of what it is given` +
            `; first loss ${formatNumber(look.loss)}`,
          where: last?.path,
          fix,
        };
      }
      const twice = look.layers.find(({ input, output, layer }) => {
        const isPlain = layer.ownWeights.length === 0;
        return isPlain && areProbabilities(input) && areProbabilities(output) && !isSame(input, output);
      });
      if (twice !== undefined) {
        return {
          symptom,
          evidence: `layer "${twice.path}" takes the softmax of rows that sum to 1 already; its outputs go from ${range}`,
          where: twice.path,
          fix: 'take one of the two softmax activations away',
        };
      }
    }
    const isBinary = loss instanceof BinaryCrossentropy && loss.options.fromLogits;
    const values = [...look.output.values, ...(evidence.end?.output.values ?? [])];
    // Logits lie on both sides of zero; numbers between 0 and 1 that are never 0 come from a sigmoid.
    if (!isBinary || values.length < 32 || !values.every((value) => value > 0 && value < 1)) return null;
    return {
      symptom:
        'The loss comes down slowly and stops far above zero, because the sigmoid of a probability is almost flat.',
      evidence: `the model's outputs are probabilities, from ${range}, and the loss takes the sigmoid of what it is given`,
      where: last?.path,
      fix: 'leave one of the two out: no activation in the last layer and fromLogits: true, or sigmoid and fromLogits: false',
    };
  },
};

/** Who knows of a loss of the user's: what it computes is followed op by op. */
function inOwnStep(evidence: Evidence): Finding | null {
  const chain = attempt(() => withStateKept(() => softmaxOfSoftmax(() => void evidence.rehearse())));
  if (chain === null) return null;
  const { kind, where } = chain;
  return {
    symptom: `The loss comes down slowly and stops far above zero, because the ${kind} of probabilities is almost flat.`,
    evidence: `what a ${kind} has made is taken for logits by another, in "${where}", with nothing in between`,
    where,
    fix: `leave one of the two out: give the loss what stands before the first ${kind}`,
  };
}

/** Rows of numbers from 0 to 1 that sum to 1. */
function areProbabilities(values: Values): boolean {
  const width = values.shape.at(-1) ?? 1;
  if (values.shape.length < 2 || width < 2 || values.values.length < LEAST_ROWS * width) return false;
  const flat = { values: values.values, shape: [values.values.length / width, width] };
  return rows(flat).every((row) => {
    const sum = row.reduce((total, value) => total + value, 0);
    return Math.abs(sum - 1) < SUM && row.every((value) => value >= 0 && value <= 1 + SUM);
  });
}

function isSame(a: Values, b: Values): boolean {
  return a.values.every((value, i) => Math.abs(value - b.values[i]!) < 1e-6);
}

/** Whether the loss stays the same where all of a row grows: only a softmax of the row does not mind. */
function ignoresShifts({ plan, sample }: Evidence, output: Values): boolean {
  const batch = toDeviceBatch(sample);
  try {
    const found = attempt(() =>
      tf.tidy(() => {
        const predictions = tf.tensor(output.values, [...output.shape], 'float32');
        const lossAt = (shift: number): number =>
          plan.loss.compute(batch.y!, tf.add(predictions, shift), batch.sampleWeight).dataSync()[0]!;
        const [usual, moved] = [lossAt(0), lossAt(SHIFT)];
        return Number.isFinite(usual) && Math.abs(moved - usual) <= SAME * Math.abs(usual) && usual !== 0;
      }),
    );
    return found ?? false;
  } finally {
    disposeBatch(batch);
  }
}

function rangeOf({ values }: Values): string {
  const [low, high] = values.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
  return `${formatNumber(low)} to ${formatNumber(high)}`;
}
