import { formatNumber, formatPercent, median } from '../statistics.js';
import type { Diagnosis } from './diagnosis.js';
import { tryRates } from './learning-rate-trial.js';

/** Of the weights' norm, in the middle of all measured steps: at this rate they turn round in three thousand steps. */
const MOST_UPDATE = 3e-4;
/** Of the first loss that is left at the end. */
const LEAST_LEFT = 0.93;
const LEAST_STEPS = 10;
/** What a larger rate has to take off the loss in the same number of steps, and how much more than the own. */
const LEAST_GAIN = 0.05;
const TIMES_MORE = 4;

/** Steps that are too small to arrive. */
export const learningRateTooLow: Diagnosis = {
  cause: 'learning-rate-too-low',
  examine(evidence) {
    const { first, last } = evidence.progress;
    if (!evidence.endsFinite || evidence.losses.length < LEAST_STEPS || last < LEAST_LEFT * first) return null;
    // A bias begins at zero: any step is large beside it.
    const kernels = [...evidence.model.weightTree()].flatMap(([path, { handle }]) =>
      handle.shape.length > 1 ? [path] : [],
    );
    const ratios = evidence.readings.flatMap(({ weights }) =>
      kernels.flatMap((path) => {
        const { updateRatio = NaN, gradientNorm = 0 } = weights[path] ?? {};
        return Number.isFinite(updateRatio) && gradientNorm > 0 ? [updateRatio] : [];
      }),
    );
    const update = median(ratios);
    if (!(update < MOST_UPDATE)) return null;
    const trials = tryRates(evidence, [1, 10, 100, 1e3, 1e4, 1e5]);
    if (trials === null) return null;
    const [own, ...larger] = trials as [(typeof trials)[0], ...typeof trials];
    const better = larger.toSorted((a, b) => a.last - b.last)[0]!;
    const gain = (trial: typeof own): number => (trial.first - trial.last) / Math.abs(trial.first);
    if (!(gain(better) > LEAST_GAIN) || gain(better) < TIMES_MORE * Math.max(0, gain(own))) return null;
    return {
      symptom: 'The loss falls so slowly that it seems to stand: the weights hardly move.',
      evidence:
        `loss ${formatNumber(first)} at first, ${formatNumber(last)} after ${evidence.losses.length} steps; in the middle a step ` +
        `changes a weight by ${formatNumber(update)} of its norm; a trial takes ${formatPercent(gain(own))} off the loss with the ` +
        `rate ${formatNumber(own.rate)}, ${formatPercent(gain(better))} with ${formatNumber(better.rate)}`,
      where: 'the learning rate',
      fix: `learningRate: ${formatNumber(better.rate)}, or findLearningRate`,
    };
  },
};
