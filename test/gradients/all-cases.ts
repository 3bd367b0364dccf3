import { activationCases } from './cases/activations.js';
import { kernelCases } from './cases/kernels.js';
import { layerCases } from './cases/layers.js';
import { lossCases } from './cases/losses.js';
import { opCases } from './cases/ops.js';
import { ownKernelCases } from './cases/own-kernels.js';
import type { GradientCase } from './gradient-case.js';

/** Every row of the coverage table; asks the running engine which kernels there are. */
export function allCases(): GradientCase[] {
  return [...kernelCases(), ...ownKernelCases(), ...opCases(), ...activationCases(), ...layerCases(), ...lossCases()];
}
