import { tf, type Tensor } from '../engine/tfjs.js';
import type { LearningRates } from './apply-gradients.js';
import type { Logs } from './callback-contract.js';
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

/** Reads a step's scalars, where somebody wants them, and frees them; an empty list where nobody does. */
export function fetchLogs(scalars: Readonly<Record<string, Tensor>>, wanted: boolean): Logs[] {
  const entries = Object.entries(scalars);
  const logs = wanted ? [Object.fromEntries(entries.map(([name, scalar]) => [name, scalar.dataSync()[0]!]))] : [];
  for (const [, scalar] of entries) scalar.dispose();
  return logs;
}
