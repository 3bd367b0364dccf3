import { liveVariables } from '../../src/engine/live-variables.js';
import type { Variable } from '../../src/engine/variable.js';

/** The bytes of every variable there is, by name: weights, slots, statistics, sums, counters. */
export function allState(): Record<string, string> {
  const entries = [...liveVariables.values()].map((live) => {
    const variable = live as Variable;
    const value = variable.read();
    const values = value.dataSync();
    const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('hex');
    value.dispose();
    return [variable.name, bytes] as const;
  });
  return Object.fromEntries(entries);
}
