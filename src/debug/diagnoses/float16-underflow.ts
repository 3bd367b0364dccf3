import { norm, share } from '../look-inside.js';
import { formatNumber, formatPercent } from '../statistics.js';
import type { Diagnosis } from './diagnosis.js';

/** Part of a gradient's elements that half precision turns into zeros. */
const MOST_LOST = 0.3;
/** Part of the gradient's norm that goes with them: zeros in the place of what is small beside the rest do no harm. */
const MOST_NORM_LOST = 0.3;

/** Gradients that are zero in float16 and are not in float32. */
export const float16Underflow: Diagnosis = {
  cause: 'float16-underflow',
  examine(evidence) {
    const { plan, state, ownStep, batches } = evidence;
    if (plan.precision !== 'mixed_float16' || ownStep || batches.length === 0) return null;
    const scale = state.lossScale?.read();
    const lossScale = scale?.dataSync()[0] ?? 1;
    scale?.dispose();
    const single = { ...plan, precision: 'float32' as const };
    for (const weights of [evidence.initialWeights, null]) {
      const looks = (): ReturnType<typeof compare> => compare();
      const worst = weights === null ? looks() : evidence.withWeights(weights, looks);
      if (worst === null) continue;
      return {
        symptom:
          'Training stands still, or lags behind the same run in float32: small gradients become zero in float16.',
        evidence:
          `${formatPercent(worst.zeros)} of the gradient of "${worst.path}" are zero in float16 at a loss scale of ` +
          `${formatNumber(lossScale)}, ${formatPercent(worst.zerosInSingle)} in float32; of its norm of ` +
          `${formatNumber(worst.size)} ${formatPercent(worst.lost)} are lost`,
        where: worst.path,
        fix: "leave lossScale out, or 'dynamic', with mixed_float16; or use mixed_bfloat16, which has the range of float32",
      };
    }
    return null;

    function compare() {
      const batch = evidence.sample;
      // An example counts for more in a mean over fewer: the scale makes up for that.
      const isMean = plan.loss.options.reduction !== 'sum';
      const scaleOfPart = isMean ? (lossScale * batch.size) / Math.max(batch.size, batches[0]!.size) : lossScale;
      const half = evidence.lookNow(batch, { lossScale: scaleOfPart, layers: false });
      const exact = evidence.lookNow(batch, { layers: false }, single);
      const found = [...(exact?.gradients ?? [])].flatMap(([path, gradient]) => {
        const other = half?.gradients.get(path);
        if (gradient === null || !other) return [];
        const [zeros, zerosInSingle] = [other, gradient].map(({ values }) => share(values, (value) => value === 0));
        const size = norm(gradient.values);
        const lost = norm(gradient.values.map((value, i) => (other.values[i] === 0 ? value : 0))) / size;
        return [{ path, zeros: zeros!, zerosInSingle: zerosInSingle!, size, lost }];
      });
      const bad = found.filter(
        ({ zeros, zerosInSingle, lost }) => zeros - zerosInSingle > MOST_LOST && lost > MOST_NORM_LOST,
      );
      return bad.toSorted((a, b) => b.lost - a.lost)[0] ?? null;
    }
  },
};
