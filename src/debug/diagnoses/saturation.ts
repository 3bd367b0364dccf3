import { share, type LayerLook } from '../look-inside.js';
import { formatPercent } from '../statistics.js';
import type { Diagnosis } from './diagnosis.js';
import { activationOf, isBuiltIn, isLast } from './kernels.js';

/** Part of a layer's output in the flat ends: before training, where the usual initialisations have next to none... */
const MOST_AT_START = 0.7;
/** ...and in a run that stalls. */
const MOST_AT_END = 0.9;
/** Within this distance of a bound a sigmoid's slope is under 4 % of its steepest. */
const NEAR = 0.01;
/** Farther than this from what a layer is given, its output is its own doing. */
const MOVED = 0.1;

/** Outputs of a sigmoid or tanh layer at the ends of its range. */
export const saturation: Diagnosis = {
  cause: 'saturation',
  examine(evidence) {
    // A trained gate may well be open or shut; one that is stuck before training, or in a run that stalls, is not meant.
    const places = [
      { look: evidence.start, when: 'before the first step', most: MOST_AT_START, counts: true },
      { look: evidence.end, when: 'at the end', most: MOST_AT_END, counts: evidence.stalls },
    ];
    for (const { look, when, most, counts } of places) {
      if (look === null || !counts) continue;
      const stuck = look.layers.filter((seen) => saturated(seen) >= most && (!isLast(look, seen) || evidence.stalls));
      const [worst] = stuck;
      if (worst === undefined) continue;
      return {
        symptom:
          'Layers with a bounded activation answer with one of its ends whatever they are given, and pass no gradient.',
        evidence:
          `${formatPercent(saturated(worst))} of the outputs of layer "${worst.path}" lie within ${NEAR} of an end of the ` +
          `range ${when}${stuck.length > 1 ? `, and those of ${stuck.length - 1} more` : ''}`,
        where: worst.path,
        fix: 'normalise what goes into the layer, start from smaller weights (glorotUniform), or use relu with heNormal',
      };
    }
    return null;
  },
};

/** The part of a layer's outputs in the flat ends of its activation; 0 where it has none. */
function saturated(seen: LayerLook): number {
  const { values, shape } = seen.output;
  const activation = activationOf(seen);
  const known = activation === 'sigmoid' || activation === 'tanh';
  if (!known && (isBuiltIn(seen) || !looksBounded(seen))) return 0;
  const width = shape.at(-1) ?? 1;
  if (!known && areShares(values, width)) return decidedPart(values, width);
  const low = activation === 'tanh' || (!known && values.some((value) => value < 0)) ? -1 : 0;
  const near = NEAR * (1 - low);
  return share(values, (value) => value < low + near || value > 1 - near);
}

/** A layer of the user's: numbers from -1 to 1 that are no mask, and that it did not find so. */
function looksBounded({ input, output: { values }, layer }: LayerLook): boolean {
  const within = values.every((value) => value >= -1 && value <= 1);
  const isMixed = values.some((value) => value > 0.99) && values.some((value) => value !== 0 && Math.abs(value) < 1);
  if (!within || !isMixed) return false;
  if (layer.ownWeights.length > 0 || input.values.length !== values.length) return true;
  const moved = values.filter((value, i) => Math.abs(value - input.values[i]!) > MOVED);
  return moved.length > values.length / 2;
}

/** Whether each row sums to 1, as those of a softmax do. */
function areShares(values: Float32Array, width: number): boolean {
  for (let i = 0; i + width <= values.length; i += width) {
    const sum = values.subarray(i, i + width).reduce((total, value) => total + value, 0);
    if (Math.abs(sum - 1) > 1e-3) return false;
  }
  return width > 1;
}

/** Part of the rows in which one has all. */
function decidedPart(values: Float32Array, width: number): number {
  const rows = values.length / width;
  let decided = 0;
  for (let i = 0; i < values.length; i += width) {
    if (values.subarray(i, i + width).some((value) => value > 1 - NEAR)) decided++;
  }
  return decided / rows;
}
