import { SparseCategoricalCrossentropy } from '../../losses/sparse-categorical-crossentropy.js';
import { tf } from '../../engine/tfjs.js';
import { disposeBatch, toDeviceBatch } from '../../training/device-batch.js';
import { predictStep } from '../../training/evaluate-step.js';
import { attempt, pick, type Evidence } from '../evidence.js';
import { Learnability } from '../learnability.js';
import { inputRows, targetRows } from '../target-rows.js';
import { formatNumber, formatPercent } from '../statistics.js';
import type { Diagnosis, Finding } from './diagnosis.js';

const MOST_EXAMPLES = 320;
const LEAST_EXAMPLES = 48;
/** Part of the labels' variance that unrelated inputs are taken to tell, at most. */
const UNRELATED = 0.05;
/** What the labels of the row beside it have to tell beyond that. */
const RELATED = 0.15;
/** Examples for each class before one that never comes means something. */
const EXAMPLES_A_CLASS = 5;
/** Part of the validation examples that are taken for the class beside their own. */
const BESIDE = 0.6;

/** Labels that belong to the example, or the class, beside. */
export const shiftedLabels: Diagnosis = {
  cause: 'shifted-labels',
  examine(evidence) {
    return byRows(evidence) ?? byClasses(evidence) ?? byValidation(evidence);
  },
};

/** `labels[i + 1]` for `inputs[i]`. */
function byRows(evidence: Evidence): Finding | null {
  const batch = evidence.inOrder(MOST_EXAMPLES);
  const { plan } = evidence;
  if (!evidence.guessesAtFirst) return null;
  const targets = targetRows(plan.loss, batch);
  if (targets === null || batch.size < LEAST_EXAMPLES) return null;
  // One row less at either end, so that every shift is asked for the same inputs.
  const inner = (shift: number) => targets.slice(1 + shift, targets.length - 1 + shift);
  const probe = new Learnability(inputRows(batch).slice(1, -1));
  const [before, own, after] = [-1, 0, 1].map((shift) => probe.score(inner(shift))) as [number, number, number];
  const best = Math.max(before, after);
  if (own > UNRELATED || best < UNRELATED + RELATED) return null;
  const shift = after > before ? 1 : -1;
  return {
    symptom: 'The loss does not come below that of guessing, though the data can be learnt: labels stand one row off.',
    evidence:
      `of the variance of the labels, the inputs tell ${formatPercent(Math.max(0, own))}; of the labels one row ` +
      `${shift === 1 ? 'further on' : 'earlier'} ${formatPercent(best)} (${batch.size} examples in their own order)`,
    where: 'the labels y',
    fix: `pair x[i] with y[i ${shift === 1 ? '+' : '-'} 1]: look for a header line or a row that was skipped in one of the two files`,
  };
}

/** Classes that are counted from 1. */
function byClasses({ plan, examples, batches, start }: Evidence): Finding | null {
  if (!(plan.loss instanceof SparseCategoricalCrossentropy) || start === null) return null;
  const classes = start.output.shape.at(-1)!;
  const labels = examples?.y?.values ?? Int32Array.from(batches.flatMap(({ y }) => [...(y?.values ?? [])]));
  const seen = new Set<number>(labels);
  if (classes < 4 || labels.length < EXAMPLES_A_CLASS * classes) return null;
  if (seen.has(0) || seen.size !== classes - 1 || Math.max(...seen) !== classes - 1) return null;
  return {
    symptom: 'One output of the last layer is never right: labels are counted from 1, and classes from 0.',
    evidence: `labels go from 1 to ${classes - 1}, each of them seen, and 0 in none of ${labels.length}; the output is ${classes} wide`,
    where: 'the labels y',
    fix: 'subtract 1 from the labels, and give the last layer one unit less',
  };
}

/** Validation labels that are counted otherwise than those of training. */
function byValidation({ model, plan, validation, examples, sample }: Evidence): Finding | null {
  if (!(plan.loss instanceof SparseCategoricalCrossentropy) || validation?.y === undefined) return null;
  const few = pick(
    validation,
    Array.from({ length: Math.min(256, validation.size) }, (_, i) => i),
  );
  const ofTraining = examples === null ? null : shares(model, plan, sample);
  const found = shares(model, plan, few);
  if (found === null || ofTraining === null) return null;
  const [best] = [-1, 1].sort((a, b) => found(b) - found(a)) as [number];
  if (found(best) < BESIDE || found(0) > found(best) / 3 || ofTraining(0) < BESIDE) return null;
  return {
    symptom:
      'Training accuracy is high and validation accuracy below that of guessing: the two count classes otherwise.',
    evidence:
      `${formatPercent(found(best))} of the validation examples are taken for the class ${best} beside their label, ` +
      `${formatPercent(found(0))} for their own; in training ${formatPercent(ofTraining(0))} for their own`,
    where: 'the labels of the validation data',
    fix: `number the classes alike in both: validation labels are ${formatNumber(best)} off`,
  };
}

/** For a shift, the part of the examples whose predicted class is their label and the shift, round about. */
function shares(
  model: Evidence['model'],
  plan: Evidence['plan'],
  batch: Evidence['sample'],
): ((shift: number) => number) | null {
  return attempt(() => {
    const device = toDeviceBatch(batch);
    try {
      const output = predictStep(model, plan, device.x);
      const classes = output.shape.at(-1)!;
      const predicted = tf.tidy(() => tf.argMax(output, -1).dataSync());
      output.dispose();
      const labels = batch.y!.values;
      return (shift: number) => {
        const hits = [...predicted].filter((value, i) => value === (labels[i]! + shift + classes) % classes);
        return hits.length / predicted.length;
      };
    } finally {
      disposeBatch(device);
    }
  });
}
