import { formatNumber } from '../statistics.js';
import type { Diagnosis } from './diagnosis.js';
import { tryRates } from './learning-rate-trial.js';

/** The smaller rate has to end at less than half of the loss: noise and luck do less than that. */
const LEAST_GAIN = 0.5;
/** And to learn at all. */
const LEARNS = 0.95;
/** Above its own best by so much, a run has come off its way. */
const WORSE_THAN_BEST = 3;

/** Steps that jump over what they are to find. */
export const learningRateTooHigh: Diagnosis = {
  cause: 'learning-rate-too-high',
  examine(evidence) {
    const { first, last, best } = evidence.progress;
    const suspicious = evidence.stalls || last > WORSE_THAN_BEST * best;
    // A domain error is no matter of the rate.
    const { nonFinite } = evidence;
    if (!suspicious || /\b(log|sqrt|division)\b/.test(nonFinite?.reason ?? '')) return null;
    const trials = tryRates(evidence, [1, 0.1, 0.01]);
    if (trials === null) return null;
    const [own, ...smaller] = trials as [(typeof trials)[0], ...typeof trials];
    const better = smaller.toSorted((a, b) => a.last - b.last)[0]!;
    const helps = better.last < LEAST_GAIN * own.last && better.last < LEARNS * better.first;
    if (!helps) return null;
    return {
      symptom: 'The loss rises, jumps about or becomes NaN: each step goes further than the loss is known to fall.',
      evidence:
        `loss ${formatNumber(first)} at first, ${evidence.endsFinite ? formatNumber(last) : 'NaN'} at the end; a trial of the ` +
        `first steps ends at ${formatNumber(own.last)} with the rate ${formatNumber(own.rate)}, at ${formatNumber(better.last)} ` +
        `with ${formatNumber(better.rate)}`,
      where: 'the learning rate',
      fix: `learningRate: ${formatNumber(better.rate)}, or findLearningRate; warm-up and clip: { globalNorm: 1 } help, too`,
    };
  },
};
