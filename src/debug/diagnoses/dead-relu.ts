import type { Evidence } from '../evidence.js';
import type { LayerLook, Look } from '../look-inside.js';
import { formatPercent } from '../statistics.js';
import type { Diagnosis } from './diagnosis.js';
import { activationOf, isBuiltIn, isLast } from './kernels.js';

/** A sparse layer has units that answer to few examples; dead are those that answer to none of about a hundred. */
const MOST_DEAD = 0.9;
/** In a run that does not learn, fewer dead units will do as the reason. */
const MOST_DEAD_IN_STALL = 0.6;
const LEAST_EXAMPLES = 32;

/** Units whose relu gives zero for every example. */
export const deadRelu: Diagnosis = {
  cause: 'dead-relu',
  examine(evidence) {
    if (evidence.sample.size < LEAST_EXAMPLES) return null;
    const limit = evidence.stalls ? MOST_DEAD_IN_STALL : MOST_DEAD;
    for (const [look, when] of [
      [evidence.end, 'at the end'],
      [evidence.start, 'before the first step'],
    ] as const) {
      const dead = look?.layers.flatMap((seen) => {
        const part = deadPart(evidence, look, seen);
        return part >= limit ? [{ seen, part }] : [];
      });
      const [worst] = dead ?? [];
      if (worst === undefined) continue;
      return {
        symptom:
          'Units with relu give zero for every example: no gradient comes through them, and none can revive them.',
        evidence:
          `${formatPercent(worst.part)} of the units of layer "${worst.seen.path}" are zero for all of ` +
          `${evidence.sample.size} examples ${when}`,
        where: worst.seen.path,
        fix: 'lower the learning rate, start biases at 0 and kernels with heNormal, or use leakyRelu, elu or gelu',
      };
    }
    return null;
  },
};

/** Part of the units that are zero for every example. */
function deadPart(evidence: Evidence, look: Look, seen: LayerLook): number {
  const { values, shape } = seen.output;
  const isRelu = activationOf(seen) === 'relu';
  if (!isRelu && (isBuiltIn(seen) || activationOf(seen) !== '' || !cutsAtZero(seen))) return 0;
  if (isLast(look, seen) && !evidence.stalls) return 0;
  if (kernelIsZero(seen)) return 0;
  const units = shape.at(-1) ?? 1;
  const alive = new Uint8Array(units);
  for (let i = 0; i < values.length; i++) if (values[i] !== 0) alive[i % units] = 1;
  return 1 - alive.reduce((sum, one) => sum + one, 0) / units;
}

/** A layer of the user's that never gives a negative number, and often zero, though it was given both. */
function cutsAtZero({ input, output }: LayerLook): boolean {
  return (
    output.values.every((value) => value >= 0) && output.values.includes(0) && input.values.some((value) => value !== 0)
  );
}

/** Then zeros come from the initialisation. */
function kernelIsZero({ layer }: LayerLook): boolean {
  const kernel = layer.ownWeights.find(({ shape }) => shape.length > 1);
  if (kernel === undefined) return false;
  const value = kernel.variable.read();
  const isZero = value.dataSync().every((number) => number === 0);
  value.dispose();
  return isZero;
}
