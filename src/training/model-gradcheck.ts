import type { ModelGradcheckOptions } from '../autodiff/gradcheck-options.js';
import { GradcheckReport } from '../autodiff/gradcheck-report.js';
import { runGradcheck } from '../autodiff/run-gradcheck.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { withVariableReads } from '../engine/variable-reads.js';
import { CallContext } from '../layers/call-context.js';
import { batchLoss } from './batch-loss.js';
import type { DeviceBatch } from './device-batch.js';
import type { Trainable } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';

/** Checks the gradient of the training loss by every trained weight: in training mode, without dropout and clipping. */
export function modelGradcheck(
  model: Trainable,
  plan: TrainingPlan,
  batch: DeviceBatch,
  settings: ModelGradcheckOptions,
  where: string,
): GradcheckReport {
  const all = [...model.weightTree()].map(([path, weight]) => ({ path, ...weight }));
  const trained = all.filter(({ trainable }) => trainable);
  const values = all.map(({ handle }) => handle.variable.read());
  const loss = (at: readonly Tensor[]): Tensor => {
    const reads = new Map(all.map(({ handle }, i) => [handle.variable, values[i]!]));
    for (const [i, { handle }] of trained.entries()) reads.set(handle.variable, at[i]!);
    const context = new CallContext({ training: true, dropout: false, seed: plan.seed });
    try {
      return withVariableReads(reads, () => batchLoss(model, plan, batch, context, trained).loss);
    } finally {
      context.dispose();
    }
  };
  try {
    const inputs = trained.map(({ path, handle }) => ({
      name: path,
      tensor: values[all.findIndex((weight) => weight.handle === handle)]!,
    }));
    const report = runGradcheck({ fn: (at) => [loss(at)], inputs, where }, settings);
    const penalised = trained.flatMap(({ path, handle: { regularizer } }) =>
      regularizer === undefined ? [] : [[path, regularizer.name] as const],
    );
    return new GradcheckReport({
      ...report,
      skipped: all.filter(({ trainable }) => !trainable).map(({ path }) => path),
      regularizers: Object.fromEntries(penalised),
    });
  } finally {
    tf.dispose(values);
  }
}
