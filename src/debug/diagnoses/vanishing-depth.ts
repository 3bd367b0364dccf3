import { norm, rms } from '../look-inside.js';
import { formatNumber, median } from '../statistics.js';
import type { Diagnosis, Finding } from './diagnosis.js';
import { kernelsOf, type Kernel } from './kernels.js';

/** Fewer kernels have no depth. */
const LEAST_KERNELS = 5;
/** From the last kernel back to the first; a ten-layer network of relu and glorotUniform loses a factor of 30. */
const MOST_LOSS = 1e-4;
/** Of each layer on the way, in the middle: the loss is spread over the depth, and not one layer's. */
const MOST_FACTOR = 0.6;

const FIX = 'use relu with heNormal, layers.residual, or batchNormalization between the layers; or fewer layers';

/** Gradients that shrink from layer to layer on their way to the input. */
export const vanishingDepth: Diagnosis = {
  cause: 'vanishing-depth',
  needs: 'first-batch',
  examine(evidence) {
    const look = evidence.start;
    if (look === null) return null;
    const kernels = kernelsOf(evidence, look, evidence.initialWeights);
    const fading = fadingSignal(kernels);
    if (fading !== null) return fading;
    const norms = kernels.flatMap(({ path, trainable, values }) => {
      const gradient = trainable ? look.gradients.get(path) : undefined;
      const reading = evidence.readings[0]?.weights[path]?.gradientNorm;
      const size = gradient ? norm(gradient.values) : reading;
      return size === undefined || !Number.isFinite(size) ? [] : [{ path, size: size / Math.sqrt(values.length) }];
    });
    const last = norms.at(-1);
    if (norms.length < LEAST_KERNELS || last === undefined || last.size === 0) return null;
    const ratio = norms[0]!.size / last.size;
    const alive = norms.filter(({ size }) => size > 0);
    const factors = alive.slice(1).map(({ size }, i) => alive[i]!.size / size);
    if (!(ratio < MOST_LOSS) || factors.length < 3 || median(factors) > MOST_FACTOR) return null;
    return {
      symptom:
        'The last layers learn and the first ones stand still: gradients shrink with every layer on the way back.',
      evidence:
        `root mean square of the gradient: ${formatNumber(last.size)} at "${last.path}", ${formatNumber(norms[0]!.size)} at ` +
        `"${norms[0]!.path}", a factor of ${formatNumber(median(factors))} a layer over ${norms.length} layers`,
      where: norms[0]!.path,
      fix: FIX,
    };
  },
};

/** Numbers that shrink on the way forward: gradients are then as small in every layer. */
function fadingSignal(kernels: readonly Kernel[]): Finding | null {
  if (kernels.length < LEAST_KERNELS) return null;
  const sizes = [kernels[0]!.look.input, ...kernels.map(({ look }) => look.output)].map(({ values }) => rms(values));
  const factors = sizes.slice(1).map((size, i) => size / sizes[i]!);
  const [into, out] = [sizes[0]!, sizes.at(-1)!];
  if (!(out > 0) || !(out < MOST_LOSS * into) || median(factors) > MOST_FACTOR) return null;
  const { path } = kernels.at(-1)!;
  return {
    symptom: 'The output hardly depends on the input: numbers shrink with every layer, and gradients with them.',
    evidence:
      `root mean square ${formatNumber(into)} at the first kernel, ${formatNumber(out)} behind "${path}": a factor of ` +
      `${formatNumber(median(factors))} a layer over ${kernels.length} layers`,
    where: path,
    fix: FIX,
  };
}
