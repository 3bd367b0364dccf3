import { flowFaults } from './faults/flow-faults.js';
import { gradientFaults } from './faults/gradient-faults.js';
import { labelAndRateFaults } from './faults/label-and-rate-faults.js';
import { rangeFaults } from './faults/range-faults.js';
import { scaleFaults } from './faults/scale-faults.js';
import { stateFaults } from './faults/state-faults.js';
import { taskFaults } from './faults/task-faults.js';
import { healthyData } from './healthy/healthy-data.js';
import { healthyLayers } from './healthy/healthy-layers.js';
import { healthyNetworks } from './healthy/healthy-networks.js';
import { healthyTasks } from './healthy/healthy-tasks.js';
import { healthyTraining } from './healthy/healthy-training.js';
import type { SuiteCase } from './suite-case.js';

export const allCases: readonly SuiteCase[] = [
  ...gradientFaults,
  ...scaleFaults,
  ...labelAndRateFaults,
  ...stateFaults,
  ...flowFaults,
  ...rangeFaults,
  ...taskFaults,
  ...healthyNetworks,
  ...healthyData,
  ...healthyTraining,
  ...healthyLayers,
  ...healthyTasks,
];
