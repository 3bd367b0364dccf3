import { valuesOf, type Values } from '../look-inside.js';
import type { Diagnosis } from './diagnosis.js';
import { isLast, kernelsOf, type Kernel } from './kernels.js';

/** Steps after which units that are free to differ do. */
const LEAST_STEPS = 3;
/** Of the largest number of the kernel: rounding. */
const SAME = 1e-6;

/** Units of a layer that began as one and stay so. */
export const zeroInitialisation: Diagnosis = {
  cause: 'zero-initialisation',
  examine(evidence) {
    const look = evidence.end;
    if (look === null || evidence.losses.length < LEAST_STEPS) return null;
    const now = new Map<string, Values>();
    for (const [path, { handle }] of evidence.model.weightTree()) {
      const value = handle.variable.read();
      now.set(path, valuesOf(value));
      value.dispose();
    }
    const after = kernelsOf(evidence, look, now);
    const stuck = after.filter((kernel) => {
      const before = evidence.initialWeights.get(kernel.path);
      // A last layer of zeros is common, and its units are told apart by their labels.
      return kernel.trainable && kernel.units > 1 && isOne(kernel) && before && isOne({ ...kernel, ...before });
    });
    const hidden = stuck.filter(({ look: seen }) => !isLast(look, seen));
    const [first] = hidden;
    if (first === undefined) return null;
    const isZero = first.values.every((value) => value === 0);
    return {
      symptom: 'All units of a layer compute the same and get the same gradient: the layer is as wide as one unit.',
      evidence:
        `the ${first.units} columns of "${first.path}" began equal and still are after ${evidence.losses.length} steps` +
        `${isZero ? ', all of them zero' : ''}${hidden.length > 1 ? `; so are those of ${hidden.length - 1} more kernels` : ''}`,
      where: first.path,
      fix: 'draw kernels at random: heNormal, glorotUniform; only biases may begin at zero',
    };
  },
};

/** Whether all units have the same column. */
function isOne({ values, units }: Pick<Kernel, 'values' | 'units'>): boolean {
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return values.every((value, i) => Math.abs(value - values[i - (i % units)]!) <= SAME * largest);
}
