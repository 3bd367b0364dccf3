import { flowFaults } from './faults/flow-faults.js';
import { gradientFaults } from './faults/gradient-faults.js';
import { labelAndRateFaults } from './faults/label-and-rate-faults.js';
import { partFaults } from './faults/part-faults.js';
import { rangeFaults } from './faults/range-faults.js';
import { routineFaults } from './faults/routine-faults.js';
import { scaleFaults } from './faults/scale-faults.js';
import { signalFaults } from './faults/signal-faults.js';
import { stateFaults } from './faults/state-faults.js';
import { taskFaults } from './faults/task-faults.js';
import { unitFaults } from './faults/unit-faults.js';
import { healthyData } from './healthy/healthy-data.js';
import { healthyLayers } from './healthy/healthy-layers.js';
import { healthyNetworks } from './healthy/healthy-networks.js';
import { healthyOddities } from './healthy/healthy-oddities.js';
import { healthySuspects } from './healthy/healthy-suspects.js';
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
  ...signalFaults,
  ...routineFaults,
  ...partFaults,
  ...unitFaults,
  ...healthyNetworks,
  ...healthyData,
  ...healthyTraining,
  ...healthyLayers,
  ...healthyTasks,
  ...healthyOddities,
  ...healthySuspects,
];
