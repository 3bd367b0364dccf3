import { tf, type Tensor } from '../engine/tfjs.js';
import type { LearningRates } from './apply-gradients.js';
import type { Logs } from './logs.js';
import type { ProbeLayout } from './probe-layout.js';
import type { StepResult } from './step-runner.js';
import type { TrainState } from './train-state.js';

/** Runs `use` with the learning rates of now as scalars. */
export async function withLearningRates<T>(state: TrainState, use: (rates: LearningRates) => Promise<T>): Promise<T> {
  const rates = new Map(
    state.usedOptimizers().map((optimizer) => {
      const { iterations } = state.stateOf(optimizer);
      return [optimizer, tf.scalar(optimizer.rateToFeed(iterations))];
    }),
  );
  try {
    return await use(rates);
  } finally {
    for (const rate of rates.values()) rate.dispose();
  }
}

/** Reads what a probed step measured, and frees it. */
export function fetchProbes(vector: Tensor, layout: ProbeLayout): StepResult['probed'] {
  const values = vector.dataSync();
  vector.dispose();
  return { layout, vector: values };
}

/** Reads a step's scalars, where somebody wants them, and frees them; an empty list where nobody does. */
export function fetchLogs(scalars: Readonly<Record<string, Tensor>>, wanted: boolean): Logs[] {
  const entries = Object.entries(scalars);
  const logs = wanted ? [Object.fromEntries(entries.map(([name, scalar]) => [name, scalar.dataSync()[0]!]))] : [];
  for (const [, scalar] of entries) scalar.dispose();
  return logs;
}
