import { rms } from '../look-inside.js';
import { formatNumber } from '../statistics.js';
import type { Diagnosis } from './diagnosis.js';
import { gainOf, kernelsOf } from './kernels.js';

/** Gain of one kernel; He's initialisation has 1.4, and none of the usual ones more than 2. */
const MOST_GAIN = 6;
/** Geometric mean of the gains of a deep network: 2.5 to the power of ten layers is ten thousand. */
const MOST_MEAN_GAIN = 2.5;
const LEAST_KERNELS = 3;
/** From the input of the first kernel to the model's output. */
const MOST_GROWTH = 1000;
/** Less is enough where the first loss, too, is so many times that of the best constant prediction. */
const GROWTH_WITH_LOSS = { growth: 50, loss: 20 };

/** Kernels that are drawn too large, so that numbers grow from layer to layer. */
export const explodingInitialisation: Diagnosis = {
  cause: 'exploding-initialisation',
  needs: 'first-batch',
  examine(evidence) {
    const look = evidence.start;
    if (look === null || !evidence.isFresh) return null;
    const kernels = kernelsOf(evidence, look, evidence.initialWeights).filter(({ trainable }) => trainable);
    if (kernels.length === 0) return null;
    const gains = kernels.map(gainOf);
    const mean = Math.exp(gains.reduce((sum, gain) => sum + Math.log(Math.max(gain, 1e-30)), 0) / gains.length);
    const into = rms(kernels[0]!.look.input.values);
    const growth = rms(kernels.at(-1)!.look.output.values) / into;
    const largest = gains.indexOf(Math.max(...gains));
    const worst = kernels[largest]!;
    const byGain = gains[largest]! >= MOST_GAIN;
    const byDepth = kernels.length >= LEAST_KERNELS && mean >= MOST_MEAN_GAIN;
    const byGrowth = into > 0 && !(growth < MOST_GROWTH) && mean > 1;
    const base = evidence.constantLoss;
    const startsFarOff = base !== null && base > 0 && look.loss > GROWTH_WITH_LOSS.loss * base;
    const byLoss = into > 0 && growth > GROWTH_WITH_LOSS.growth && startsFarOff && mean > 1;
    if (!byGain && !byDepth && !byGrowth && !byLoss) return null;
    return {
      symptom:
        'Numbers grow from layer to layer before anything is learnt, and the first losses and gradients with them.',
      evidence:
        `the initial values of "${worst.path}" stretch its input ${formatNumber(gains[largest]!)} times (heNormal: 1.4); ` +
        `from the input to the output of ${kernels.length} kernels numbers grow ${formatNumber(growth)} times; ` +
        `first loss ${formatNumber(look.loss)}`,
      where: worst.path,
      fix: `draw it with heNormal (relu) or glorotUniform (tanh, sigmoid, linear): a standard deviation of about ${formatNumber(
        Math.sqrt(2 / worst.fanIn),
      )} for ${worst.fanIn} inputs; or normalise between the layers`,
    };
  },
};
