import type { Batch } from '../../data/example.js';
import { tf } from '../../engine/tfjs.js';
import { disposeBatch, toDeviceBatch } from '../../training/device-batch.js';
import { predictStep } from '../../training/evaluate-step.js';
import { attempt, fewRows, pick, type Evidence } from '../evidence.js';
import { Learnability } from '../learnability.js';
import { inputRows, targetRows } from '../target-rows.js';
import { formatNumber, formatPercent } from '../statistics.js';
import { trialTraining } from '../trial-training.js';
import type { Diagnosis, Finding } from './diagnosis.js';
import { shiftedLabels } from './shifted-labels.js';

const MOST_EXAMPLES = 320;
const LEAST_EXAMPLES = 64;
/** Part of the labels' variance that the inputs tell where they have nothing to do with each other, at most. */
const UNRELATED = 0.02;
/** Of the loss of the best constant prediction: a run that has come below it by as much has found something. */
const NOTHING_LEARNT = 0.95;
const LEAST_STEPS = 20;
/** The same as `UNRELATED` where nobody has looked at data that were not trained on but this diagnosis. */
const NOTHING_TOLD = 0.01;
const MOST_TRIAL_STEPS = 150;
/** One example of four is held out. */
const PARTS = 4;

/** Labels that do not depend on the inputs. */
export const unrelatedLabels: Diagnosis = {
  cause: 'constant-labels-or-shuffled-labels',
  examine(evidence) {
    const finding = constant(evidence) ?? shuffled(evidence);
    return finding === null || shiftedLabels.examine(evidence) !== null ? null : finding;
  },
};

function constant(evidence: Evidence): Finding | null {
  const { y } = evidence.examples ?? evidence.inOrder(Infinity);
  if (y === undefined || y.shape[0]! < LEAST_EXAMPLES) return null;
  const width = y.values.length / y.shape[0]!;
  if (!y.values.every((value, i) => value === y.values[i % width])) return null;
  return {
    symptom: 'The loss falls to nothing at once and the model says the same of everything: all labels are equal.',
    evidence: `all ${y.shape[0]} labels are ${width === 1 ? formatNumber(y.values[0]!) : 'the same row of numbers'}`,
    where: 'the labels y',
    fix: 'look at how labels are read: a wrong column, a comparison that never holds, a dataset of one class',
  };
}

function shuffled(evidence: Evidence): Finding | null {
  const { epochs, losses, validation } = evidence;
  const base = evidence.constantLoss;
  if (base === null || base === 0 || losses.length < LEAST_STEPS || !evidence.endsFinite) return null;
  const { last } = evidence.progress;
  const nothing = last >= NOTHING_LEARNT * base;
  if (!nothing && !evidence.guessesAtFirst) return null;
  const source = evidence.examples ?? evidence.inOrder(MOST_EXAMPLES);
  const count = Math.min(MOST_EXAMPLES, source.size);
  const batch = pick(
    source,
    Array.from({ length: count }, (_, i) => Math.floor((i * source.size) / count)),
  );
  const targets = targetRows(evidence.plan.loss, batch);
  if (targets === null || batch.size < LEAST_EXAMPLES) return null;
  const validationLoss = validation === null ? undefined : epochs.at(-1)?.['val_loss'];
  // Learnt by heart: the first pass over the data, when each example was new, and data that were never trained on tell.
  const isNewAtFirst = evidence.guessesAtFirst;
  const byHeart = validationLoss !== undefined && validationLoss >= base && isNewAtFirst;
  const told = new Learnability(inputRows(batch)).score(targets);
  if (told > UNRELATED) return null;
  const heldOut = nothing || byHeart ? null : heldOutLoss(evidence, batch);
  if (!nothing && !byHeart && (heldOut === null || told > NOTHING_TOLD || heldOut < base)) return null;
  return {
    symptom: nothing
      ? 'The loss stays at that of guessing: labels have nothing to do with the inputs.'
      : 'The training data are learnt by heart and nothing holds for new ones: labels have nothing to do with the inputs.',
    evidence:
      `loss of the best constant ${formatNumber(base)}, of the model ${formatNumber(last)}` +
      `${validationLoss === undefined ? '' : `, on validation data ${formatNumber(validationLoss)}`}` +
      `${heldOut === null ? '' : `, in a trial on examples held out ${formatNumber(heldOut)}`}; ` +
      `of the labels' variance the inputs of ${batch.size} examples tell ${formatPercent(Math.max(0, told))}`,
    where: 'the labels y',
    fix: 'look at a few pairs by eye; shuffle x and y by the same order, and sort neither of them alone',
  };
}

/** The loss on examples that a short training was not shown. */
function heldOutLoss(
  { model, plan, initialWeights: weights, losses, batches, ownStep }: Evidence,
  all: Batch,
): number | null {
  if (ownStep) return null;
  const indices = Array.from({ length: all.size }, (_, i) => i);
  const shown = indices.filter((i) => i % PARTS !== PARTS - 1);
  const size = Math.min(batches[0]!.size, fewRows(batches[0]!), shown.length);
  const cut = Array.from({ length: Math.floor(shown.length / size) }, (_, i) =>
    pick(all, shown.slice(i * size, (i + 1) * size)),
  );
  const device = toDeviceBatch(
    pick(
      all,
      indices.filter((i) => i % PARTS === PARTS - 1),
    ),
  );
  const steps = Math.min(MOST_TRIAL_STEPS, losses.length);
  let found: number | null = null;
  const afterStep = (step: number): void => {
    if (step !== steps - 1) return;
    found = tf.tidy(
      () => plan.loss.compute(device.y!, predictStep(model, plan, device.x), device.sampleWeight).dataSync()[0]!,
    );
  };
  try {
    attempt(() => trialTraining({ model, plan, weights, batches: cut, steps, afterStep }));
    return found;
  } finally {
    disposeBatch(device);
  }
}
