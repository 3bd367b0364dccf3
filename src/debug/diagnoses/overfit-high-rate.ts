import { formatNumber, median } from '../statistics.js';
import type { Diagnosis } from './diagnosis.js';
import { rateOf } from './learning-rate-trial.js';

const LEAST_EPOCHS = 4;
/** Above its own lowest value: a validation loss that is merely noisy comes back. */
const WORSE = 1.3;
/** Of the loss of the best constant prediction: below it, a model that is a little too sure of itself does no harm. */
const POOR = 0.3;
/** The training loss goes on falling meanwhile, and is far below. */
const APART = 0.5;
/** Where next to nothing is left of it, a smaller rise will do, or a loss above that of the best constant. */
const BY_HEART = { apart: 0.1, worse: 1.12, poor: 0.6, aboveConstant: 1.15 };

/** A training loss that falls while the validation loss has turned. */
export const overfitHighRate: Diagnosis = {
  cause: 'overfit-high-rate',
  examine(evidence) {
    const { epochs } = evidence;
    const validation = epochs.map((logs) => logs['val_loss'] ?? NaN);
    const training = epochs.map(({ loss }) => loss ?? NaN);
    if (epochs.length < LEAST_EPOCHS || validation.some((value) => !Number.isFinite(value))) return null;
    // Three epochs together: one bad epoch is no turn.
    const smooth = validation.map((_, i) => median(validation.slice(Math.max(0, i - 1), i + 2)));
    const best = smooth.indexOf(Math.min(...smooth));
    const end = Math.min(smooth.at(-1)!, median(validation.slice(-3)));
    const [atBest, atEnd] = [training[best]!, training.at(-1)!];
    const base = evidence.constantLoss;
    const turned = end >= WORSE * smooth[best]! && atEnd < APART * end && (base === null || end >= POOR * base);
    const byHeart = atEnd < BY_HEART.apart * end && base !== null;
    const rises = byHeart && end >= BY_HEART.worse * smooth[best]! && end >= BY_HEART.poor * base;
    const isWorthless = byHeart && end >= BY_HEART.aboveConstant * base;
    if (!(turned || rises || isWorthless) || !(atEnd < atBest || isWorthless)) return null;
    const rate = rateOf(evidence);
    return {
      symptom:
        'Training data are learnt by heart: their loss falls, and that of new data has turned or was never good.',
      evidence:
        `validation loss ${formatNumber(smooth[best]!)} after epoch ${best + 1}, ${formatNumber(end)} after epoch ${epochs.length}; ` +
        `training loss ${formatNumber(atBest)} and ${formatNumber(atEnd)}` +
        `${isWorthless ? `; the best constant comes to ${formatNumber(base)}` : ''}` +
        `${rate === null ? '' : `, at a learning rate of ${formatNumber(rate)}`}`,
      where: `epoch ${best + 1}`,
      fix:
        `stop there: EarlyStopping({ restoreBestWeights: true }); lower the rate` +
        `${rate === null ? '' : ` to ${formatNumber(rate / 10)}`}; dropout, weight decay, a smaller model or more data`,
    };
  },
};
