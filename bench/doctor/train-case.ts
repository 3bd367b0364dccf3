import { LambdaCallback, startEngine, type CallbackContract, type HostArrayInput, type Logs } from 'adjoint';
import { Draw } from './draw.js';
import type { Outcome, SuiteCase } from './suite-case.js';

/**
 * Trains a case with these callbacks; without any, what it came to is measured step by step, which is work that the doctor
 * should neither see nor profit from.
 */
export async function trainCase(
  suiteCase: SuiteCase,
  seed: number,
  callbacks: readonly CallbackContract[],
): Promise<Outcome> {
  const steps: number[] = [];
  const history: Record<string, number[]> = {};
  const watch = new LambdaCallback({
    onBatchEnd: (_: number, logs: Logs) => {
      steps.push(logs['loss'] ?? NaN);
    },
    onEpochEnd: (_: number, logs: Logs) => {
      for (const [name, value] of Object.entries(logs)) (history[name] ??= []).push(value);
    },
  });
  const { model, x, y, options, run } = suiteCase.make(new Draw(seed, suiteCase.name));
  const attached = callbacks.length > 0 ? callbacks : [watch];
  const tensors = (): number => startEngine().counters().tensors;
  const before = tensors();
  let error: Error | null = null;
  try {
    const fit = { verbose: 0 as const, ...options, callbacks: attached };
    if (run !== undefined) await run(model, attached);
    else if (y === undefined) await model.fit(x as Parameters<typeof model.fitDataset>[0], fit);
    else await model.fit(x as HostArrayInput, y, fit);
  } catch (thrown) {
    error = thrown instanceof Error ? thrown : new Error(String(thrown));
  }
  const tensorsKept = tensors() - before;
  try {
    model.dispose();
  } catch {
    // What broke the run may stand in the way of its end, too.
  }
  return { steps, history, error, tensorsKept };
}
