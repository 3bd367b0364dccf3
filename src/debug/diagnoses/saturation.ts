import { share, type LayerLook, type Look } from '../look-inside.js';
import { formatPercent } from '../statistics.js';
import type { Diagnosis } from './diagnosis.js';
import { activationOf, isBuiltIn, isLast } from './kernels.js';

/** Part of a layer's output in the flat ends: before training, where the usual initialisations have next to none... */
const MOST_AT_START = 0.7;
/** ...and in a run that stalls. */
const MOST_AT_END = 0.9;
/** Within this distance of a bound a sigmoid's slope is under 4 % of its steepest. */
const NEAR = 0.01;

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
  const { values } = seen.output;
  const activation = activationOf(seen);
  const known = activation === 'sigmoid' || activation === 'tanh';
  if (!known && (isBuiltIn(seen) || !looksBounded(values))) return 0;
  const low = activation === 'tanh' || (!known && values.some((value) => value < 0)) ? -1 : 0;
  const near = NEAR * (1 - low);
  return share(values, (value) => value < low + near || value > 1 - near);
}

/** A layer of the user's: numbers from -1 to 1 that are no mask. */
function looksBounded(values: Look['output']['values']): boolean {
  const within = values.every((value) => value >= -1 && value <= 1);
  return within && values.some((value) => value > 0.99) && values.some((value) => value !== 0 && Math.abs(value) < 1);
}
