import { deadRelu } from './dead-relu.js';
import type { Diagnosis } from './diagnosis.js';
import { explodingInitialisation } from './exploding-initialisation.js';
import { float16Underflow } from './float16-underflow.js';
import { frozenDropout } from './frozen-dropout.js';
import { growingGraph, leakingTensors } from './growing-memory.js';
import { learningRateTooHigh } from './learning-rate-too-high.js';
import { learningRateTooLow } from './learning-rate-too-low.js';
import { logOfZero } from './log-of-zero.js';
import { nonDifferentiableOp, tooMuchDetach, unusedWeight } from './missing-gradients.js';
import { normSpikes } from './norm-spikes.js';
import { overfitHighRate } from './overfit-high-rate.js';
import { overwrittenTensor } from './overwritten-tensor.js';
import { saturation } from './saturation.js';
import { shiftedLabels } from './shifted-labels.js';
import { softmaxTwice } from './softmax-twice.js';
import { unnormalisedInputs } from './unnormalised-inputs.js';
import { unrelatedLabels } from './unrelated-labels.js';
import { unzeroedGradients } from './unzeroed-gradients.js';
import { vanishingDepth } from './vanishing-depth.js';
import { wrongSignGradient } from './wrong-sign-gradient.js';
import { zeroInitialisation } from './zero-initialisation.js';

/** All diagnoses: what is proven by itself first, what follows from a trial last. */
export const DIAGNOSES: readonly Diagnosis[] = [
  overwrittenTensor,
  wrongSignGradient,
  unusedWeight,
  tooMuchDetach,
  nonDifferentiableOp,
  logOfZero,
  softmaxTwice,
  frozenDropout,
  unzeroedGradients,
  growingGraph,
  leakingTensors,
  unnormalisedInputs,
  zeroInitialisation,
  explodingInitialisation,
  vanishingDepth,
  saturation,
  deadRelu,
  float16Underflow,
  shiftedLabels,
  unrelatedLabels,
  overfitHighRate,
  normSpikes,
  learningRateTooHigh,
  learningRateTooLow,
];
