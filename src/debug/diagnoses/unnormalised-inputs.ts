import { rms, type Values } from '../look-inside.js';
import { formatNumber } from '../statistics.js';
import type { Diagnosis } from './diagnosis.js';
import { kernelsOf } from './kernels.js';

/** Initial weights are drawn for inputs of about 1; at thirty times that, every first gradient is thirty times as large. */
const MOST = 30;
/** In a run that does not learn. */
const MOST_IN_STALL = 10;
/** Inputs that say nothing beside a bias. */
const LEAST = 1e-3;

/** Inputs that reach the first kernel as they were measured. */
export const unnormalisedInputs: Diagnosis = {
  cause: 'unnormalised-inputs',
  examine(evidence) {
    const look = evidence.start;
    if (look === null || evidence.sample.x.dtype !== 'float32') return null;
    const [first] = kernelsOf(evidence, look, evidence.initialWeights);
    const weighted = look.layers.find(({ layer }) => layer.ownWeights.length > 0);
    // A normalisation before it, or an embedding, which takes numbers as indices.
    if (first === undefined || weighted?.layer !== first.look.layer) return null;
    const { input } = first.look;
    if (input.shape.at(-1) !== first.shape.at(-2)) return null;
    const scales = scalesOf(input);
    const [largest, smallest] = [Math.max(...scales), Math.min(...scales.filter((scale) => scale > 0))];
    const tooLarge = largest >= (evidence.stalls ? MOST_IN_STALL : MOST);
    const tooSmall = largest > 0 && largest <= LEAST;
    if (!tooLarge && !tooSmall) return null;
    const column = scales.indexOf(largest);
    const { values } = input;
    const [low, high] = values.reduce(
      ([a, b], value) => [Math.min(a, value), Math.max(b, value)],
      [Infinity, -Infinity],
    );
    return {
      symptom: tooLarge
        ? 'Inputs far from the size that weights are drawn for: the loss jumps about or does not come down.'
        : 'Inputs so small that the network sees next to nothing but its biases.',
      evidence:
        `inputs of "${first.look.path}" go from ${formatNumber(low)} to ${formatNumber(high)}; root mean square of ` +
        `${scales.length > 1 ? `column ${column} ${formatNumber(largest)}, least of all columns ${formatNumber(smallest)}` : formatNumber(largest)}`,
      where: 'the inputs x',
      fix: 'bring each feature to mean 0 and standard deviation 1 (pixels: divide by 255), with the numbers of the training data',
    };
  },
};

/** Root mean square of each column of a table; of an image, of all of it. */
function scalesOf({ values, shape }: Values): number[] {
  if (shape.length !== 2) return [rms(values)];
  const width = shape[1]!;
  return Array.from({ length: width }, (_, column) => rms(values.filter((_, i) => i % width === column)));
}
