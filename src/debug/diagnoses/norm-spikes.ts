import type { Evidence } from '../evidence.js';
import { norm } from '../look-inside.js';
import { formatNumber, median } from '../statistics.js';
import type { Diagnosis, Finding } from './diagnosis.js';

/** Gradients of small batches differ by a factor of three or so; ten times the usual is another kind of batch. */
const FACTOR = 10;
/** One such step alone has to stand out by more. */
const FACTOR_OF_ONE = 30;
/** Readings before one with which it is compared. */
const EARLIER = { least: 5, most: 20 };
/** More of them are no spikes but the rule. */
const MOST_PART = 0.2;

/** Single steps whose gradient is many times the usual one. */
export const normSpikes: Diagnosis = {
  cause: 'norm-spikes',
  examine(evidence) {
    return byBatches(evidence) ?? byReadings(evidence);
  },
};

const FIX = 'clip: { globalNorm: 1 }, or spikeProtection, in compile; and look at the examples of such a batch';

/** Batches whose loss stood out, held against the others at the same weights. */
function byBatches(evidence: Evidence): Finding | null {
  if (evidence.ownStep || evidence.outliers.length === 0) return null;
  return evidence.withWeights(evidence.initialWeights, () => {
    const sizeOf = (batch: Evidence['sample']): number => {
      const gradients = evidence.lookNow(batch, { layers: false })?.gradients.values() ?? [];
      return Math.hypot(...[...gradients].map((gradient) => (gradient === null ? 0 : norm(gradient.values))));
    };
    const usual = median(evidence.batches.slice(0, 9).map(sizeOf));
    const found = evidence.outliers
      .map((outlier) => ({ ...outlier, size: sizeOf(outlier.batch) }))
      .filter(({ size }) => usual > 0 && size >= FACTOR * usual);
    const [first] = found;
    if (first === undefined || (found.length === 1 && first.size < FACTOR_OF_ONE * usual)) return null;
    return {
      symptom: 'Now and then a single batch throws the weights about: its gradient is many times the usual one.',
      evidence:
        `step ${first.step}: loss ${formatNumber(first.loss)}; at the same weights the norm of that batch's gradient is ` +
        `${formatNumber(first.size)}, of others ${formatNumber(usual)}${found.length > 1 ? `; ${found.length} such steps were kept` : ''}`,
      where: `the batch of step ${first.step}`,
      fix: FIX,
    };
  });
}

function byReadings({ readings }: Evidence): Finding | null {
  const norms = readings.map(({ weights }) =>
    Math.hypot(...Object.values(weights).map(({ gradientNorm }) => gradientNorm ?? 0)),
  );
  const atStart = Math.max(...norms.slice(0, EARLIER.least));
  const spikes = norms.flatMap((size, i) => {
    const before = norms.slice(Math.max(0, i - EARLIER.most), i);
    const after = norms.slice(i + 1, i + 4);
    const usual = median(before);
    // A run that diverges does not come back.
    const returns = after.length > 0 && median(after) < 3 * usual;
    const isSpike = before.length >= EARLIER.least && size >= FACTOR * usual && size > 2 * atStart && returns;
    return isSpike ? [{ size, usual, step: readings[i]!.totalSteps }] : [];
  });
  const [first] = spikes.toSorted((a, b) => b.size / b.usual - a.size / a.usual);
  if (first === undefined || spikes.length > Math.max(1, MOST_PART * norms.length)) return null;
  if (spikes.length === 1 && first.size < FACTOR_OF_ONE * first.usual) return null;
  return {
    symptom: 'Now and then a single step throws the weights about: its gradient is many times the usual one.',
    evidence:
      `gradient norm ${formatNumber(first.size)} at step ${first.step}, ${formatNumber(first.size / first.usual)} times ` +
      `the running median of ${formatNumber(first.usual)}; ${spikes.length} of ${norms.length} measured steps stand out`,
    where: `step ${first.step}`,
    fix: FIX,
  };
}
