import { gradientFaults } from './faults/gradient-faults.js';
import { labelAndRateFaults } from './faults/label-and-rate-faults.js';
import { scaleFaults } from './faults/scale-faults.js';
import { stateFaults } from './faults/state-faults.js';
import { healthyData } from './healthy/healthy-data.js';
import { healthyNetworks } from './healthy/healthy-networks.js';
import { healthyTraining } from './healthy/healthy-training.js';
import type { SuiteCase } from './suite-case.js';

export const allCases: readonly SuiteCase[] = [
  ...gradientFaults,
  ...scaleFaults,
  ...labelAndRateFaults,
  ...stateFaults,
  ...healthyNetworks,
  ...healthyData,
  ...healthyTraining,
];
