import { tf, type Tensor } from '../engine/tfjs.js';
import type { Variable } from '../engine/variable.js';
import type { LossReduction } from '../losses/loss-options.js';
import { createVariables } from '../optimizers/create-variables.js';
import type { DeviceBatch } from './device-batch.js';
import type { Differentiated } from './differentiate.js';
import { gatedAssign, type Gate } from './gate.js';
import type { Trainable } from './trainable.js';

/**
 * Gradients of the micro-batches of a group, summed up in variables until they make one update:
 *
 * g = sum(n_i * g_i) / sum(n_i)
 *
 * where n_i is what the loss of micro-batch i was divided by: the number of its examples, or the sum of their weights. That
 * is the gradient of the group as one batch.
 */
export class GradientSums {
  /** Micro-batches since the last update. */
  pending = 0;
  private readonly sums = new Map<string, Variable>();
  private readonly lossSum = zeroVariable('loss', []);
  private readonly total = zeroVariable('total', []);
  /** Paths of the weights that the loss depends on. */
  private readonly reached = new Set<string>();

  /** Makes the sum of a weight where there is none. */
  ensure(path: string, { shape }: Variable): void {
    if (!this.sums.has(path)) this.sums.set(path, zeroVariable(path, shape));
  }

  /** Adds a micro-batch; runs inside the step. */
  add({ loss, weights }: Differentiated, share: Tensor): void {
    for (const { path, gradient } of weights) {
      if (gradient === null) continue;
      this.reached.add(path);
      this.sums.get(path)!.assignAdd(tf.mul(gradient, share));
    }
    this.lossSum.assignAdd(tf.mul(loss, share));
    this.total.assignAdd(share);
  }

  /** Counts a micro-batch that was run, and says whether it completes its group. */
  completes(group: number): boolean {
    return ++this.pending >= group;
  }

  /** Loss and gradients of the group; runs inside the step that updates. */
  mean(model: Trainable): Differentiated {
    const total = this.total.read();
    return {
      loss: meanOf(this.lossSum.read(), total),
      weights: [...model.weightTree()].flatMap(([path, { handle, trainable }]) => {
        const sum = this.sums.get(path);
        if (!trainable || sum === undefined || !this.reached.has(path)) return [];
        return [{ path, handle, value: handle.variable.read(), gradient: meanOf(sum.read(), total) }];
      }),
    };
  }

  /** Starts a group, unless the gate is false; runs inside a step or between two. */
  reset(gate: Gate = null): void {
    this.pending = 0;
    for (const variable of [this.lossSum, this.total, ...this.sums.values()]) {
      // An op: zeros of a weight's size written down as a constant would stand in every recording.
      tf.tidy(() => gatedAssign(variable, tf.zerosLike(variable.read()), gate));
    }
  }

  /** The sums of gradients. */
  variables(): readonly Variable[] {
    return [...this.sums.values()];
  }

  /** Every variable under a name that a file can keep. */
  entries(): [name: string, variable: Variable][] {
    return [
      ['gradient-sums/loss', this.lossSum],
      ['gradient-sums/total', this.total],
      ...[...this.sums].map(([path, variable]): [string, Variable] => [`gradient-sums/weights/${path}`, variable]),
    ];
  }

  /** What of a group is no variable. */
  saveState(): { readonly pending: number; readonly reached: readonly string[] } {
    return { pending: this.pending, reached: [...this.reached] };
  }

  restoreState({ pending, reached }: ReturnType<GradientSums['saveState']>): void {
    this.pending = pending;
    for (const path of reached) this.reached.add(path);
  }

  dispose(): void {
    for (const variable of [this.lossSum, this.total, ...this.sums.values()]) variable.dispose();
    this.sums.clear();
  }
}

/** What the loss of a batch was divided by, which is the batch's share in its group. */
export function shareOf({ size, sampleWeight }: DeviceBatch, reduction: LossReduction): Tensor {
  if (reduction !== 'meanWithSampleWeight' || sampleWeight === undefined) return tf.scalar(size);
  return tf.sum(tf.cast(sampleWeight, 'float32'));
}

/** Weights that sum to zero give a gradient of zero, as the loss does. */
function meanOf(sum: Tensor, total: Tensor): Tensor {
  return tf.div(sum, tf.where(tf.notEqual(total, 0), total, tf.onesLike(total)));
}

function zeroVariable(name: string, shape: readonly number[]): Variable {
  return createVariables([{ name: `gradient-sums/${name}`, shape, value: 0 }], 'accumulateSteps')[0]!;
}
