import { BaseCallback } from '../callbacks/callback.js';
import { StateError } from '../core/errors.js';
import type { Logs } from '../training/logs.js';
import type { WeightSnapshot } from '../training/weight-snapshot.js';
import type { TrialModel } from './trial-model.js';

/** Collects the losses of a trial, ends it where they are not finite, and puts the weights back. */
export class TrialWatch extends BaseCallback {
  readonly losses: number[] = [];
  private weights: WeightSnapshot | null = null;

  override onEpochBegin(): void {
    this.weights ??= this.run.readWeights();
  }

  override onBatchEnd(_batch: number, logs: Logs): void {
    const loss = logs['loss'] ?? Object.values(logs)[0] ?? NaN;
    this.losses.push(loss);
    if (!Number.isFinite(loss)) this.run.stop('the loss is not finite');
  }

  override detach(): void {
    try {
      if (this.weights !== null) this.run.writeWeights(this.weights);
    } finally {
      this.weights = null;
      super.detach();
    }
  }
}

/**
 * A step of the model's own makes its weights in the course of the first step: too late to keep them.
 *
 * @throws StateError [not-built]
 */
export function checkKeepable(model: TrialModel, where: string): void {
  if (model.trainStep === undefined || model.built) return;
  throw new StateError('not-built', {
    where,
    expected: 'a model whose weights exist, where it has a trainStep of its own',
    received: 'a model that was not built',
    fix: 'call model.build([null, ...inputShape]), or train one step first',
  });
}
