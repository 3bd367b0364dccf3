import { formatNumber, formatPercent, median } from '../statistics.js';
import type { Evidence } from '../evidence.js';
import type { Diagnosis } from './diagnosis.js';
import { rateOf, tryRates, type RateTrial } from './learning-rate-trial.js';

/** Of the weights' norm, in the middle of all measured steps: at this rate they turn round in three thousand steps. */
const MOST_UPDATE = 3e-4;
/** Of the first loss that is left at the end; of the first epoch's mean, which is taken over the same examples. */
const LEAST_LEFT = { atEnd: 0.93, inEpochs: 0.97 };
const LEAST_STEPS = 10;
/** What a larger rate has to take off the loss in the same number of steps, and how much more than the own. */
const LEAST_GAIN = 0.05;
const TIMES_MORE = 4;
/** Of the loss of the best constant prediction: a model that is better than that has been trained, here or before. */
const TRAINED = 0.5;
/** Updates by weight at which trials begin and end; rounding lies below what can be told from the update of the run. */
const TRIED = { from: 1e-5, to: 0.3, rounding: 1e-6 };
const MOST_DECADES = 5;
/** Rates that are tried where the update is too small to tell. */
const RATES = [1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10];
/** Of the rate: what does not move the weights. */
const NOTHING = 1e-9;

/** Steps that are too small to arrive. */
export const learningRateTooLow: Diagnosis = {
  cause: 'learning-rate-too-low',
  examine(evidence) {
    const { first, last } = evidence.progress;
    if (!evidence.endsFinite || evidence.losses.length < LEAST_STEPS || !stands(evidence)) return null;
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
    const base = evidence.constantLoss;
    if (!(update < MOST_UPDATE) || (base !== null && last < TRAINED * base)) return null;
    const trials = largerRates(evidence, update);
    if (trials === null) return null;
    const [still, own, ...larger] = trials as [RateTrial, RateTrial, ...RateTrial[]];
    const better = larger.toSorted((a, b) => a.last - b.last)[0];
    const gain = (trial: RateTrial): number => gainOver(still, trial);
    if (better === undefined || !(gain(better) > LEAST_GAIN)) return null;
    if (gain(better) < TIMES_MORE * Math.max(0, gain(own))) return null;
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

function stands({ progress: { first, last }, epochs }: Evidence): boolean {
  const [early, late] = [epochs[0]?.['loss'] ?? NaN, epochs.at(-1)?.['loss'] ?? NaN];
  return last >= LEAST_LEFT.atEnd * first || (epochs.length > 1 && late >= LEAST_LEFT.inEpochs * early);
}

/** The part of the loss that a trial takes off, beside one that does not move, on the same batches. */
function gainOver(still: RateTrial, { last }: RateTrial): number {
  return (still.last - last) / Math.abs(still.last);
}

/** Trials of a rate of nothing, of the rate as it is and of larger ones, ten times each, until they do no more good. */
function largerRates(evidence: Evidence, update: number): RateTrial[] | null {
  const factors = update > TRIED.rounding ? decadesOf(update) : decadesOfRates(rateOf(evidence) ?? 1);
  let trials: RateTrial[] | null = null;
  for (const [i] of factors.entries()) {
    trials = tryRates(evidence, [NOTHING, 1, ...factors.slice(0, i + 1)]);
    if (trials === null || trials.length < i + 3) break;
    const [last, best] = [trials.at(-1)!, trials.slice(2, -1).toSorted((a, b) => a.last - b.last)[0]];
    if (best !== undefined && gainOver(trials[0]!, best) > LEAST_GAIN && last.last > best.last) break;
  }
  return trials;
}

function decadesOf(update: number): number[] {
  const factors = Array.from({ length: MOST_DECADES }, (_, i) => 10 ** (i + 1));
  return factors.filter((factor) => factor * update >= TRIED.from && factor * update <= TRIED.to);
}

function decadesOfRates(rate: number): number[] {
  return RATES.map((wanted) => wanted / rate).filter((factor) => factor > 1 && Number.isFinite(factor));
}
