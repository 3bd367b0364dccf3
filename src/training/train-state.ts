import { tf } from '../engine/tfjs.js';
import { Variable } from '../engine/variable.js';
import type { BaseOptimizer } from '../optimizers/base-optimizer.js';
import { AfterUpdateState } from '../optimizers/after-update-state.js';
import { OptimizerState } from '../optimizers/optimizer-state.js';
import { TransformState } from '../optimizers/transform-state.js';
import { GradientSums } from './gradient-sums.js';
import { LogMeans } from './log-means.js';
import { LossScale } from './loss-scale.js';
import { PreviousGradients } from './previous-gradients.js';
import { RunningSums } from './running-sums.js';
import type { Trainable } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';

/** Everything that training changes, weights apart; in variables, so that both ways of running a step see the same. */
export class TrainState {
  readonly sums: RunningSums;
  /** Means of what a model's own step logs. */
  readonly means = new LogMeans();
  /** Counts steps, bad ones too: the draws of a step are keyed by it. */
  readonly randomStep: Variable;
  /** `null` where losses are differentiated as they are. */
  readonly lossScale: LossScale | null;
  /** `null` where each batch makes an update. */
  readonly gradientSums: GradientSums | null;
  readonly previousGradients = new PreviousGradients();
  /** State by optimizer, in the order of first use; the plan's own first. */
  private readonly optimizers = new Map<BaseOptimizer, OptimizerState>();
  private readonly transforms = new Map<BaseOptimizer, TransformState>();
  private readonly afterUpdates = new Map<BaseOptimizer, AfterUpdateState>();

  constructor(
    model: Trainable,
    private readonly plan: TrainingPlan,
  ) {
    this.sums = new RunningSums('train', plan.metrics, plan.logs);
    this.lossScale = plan.lossScale === null ? null : new LossScale(plan.lossScale);
    this.gradientSums = plan.accumulateSteps === 1 ? null : new GradientSums();
    const zero = tf.scalar(0, 'int32');
    this.randomStep = Variable.create('random-step', zero);
    zero.dispose();
    try {
      this.ensure(model);
      if (model.trainStep === undefined) this.checkTransforms(model);
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  /** The state of the plan's own optimizer. */
  get optimizer(): OptimizerState {
    return this.stateOf(this.plan.optimizer);
  }

  /** The state of an optimizer, made at the first question. */
  stateOf(optimizer: BaseOptimizer): OptimizerState {
    let state = this.optimizers.get(optimizer);
    if (state === undefined) this.optimizers.set(optimizer, (state = OptimizerState.create(optimizer, [])));
    return state;
  }

  /** The chain of gradient transforms before an optimizer's updates, with its state. */
  transformsOf(optimizer: BaseOptimizer): TransformState {
    let state = this.transforms.get(optimizer);
    if (state === undefined) {
      const { clipping, noise } = this.plan;
      state = new TransformState([...clipping, ...noise, ...optimizer.transforms()]);
      this.transforms.set(optimizer, state);
    }
    return state;
  }

  /** What follows an optimizer's updates, with its state. */
  afterUpdatesOf(optimizer: BaseOptimizer): AfterUpdateState {
    let state = this.afterUpdates.get(optimizer);
    if (state === undefined) this.afterUpdates.set(optimizer, (state = new AfterUpdateState(this.plan.afterUpdates)));
    return state;
  }

  /** The weights with a slot of what follows the updates. */
  copiesOf(follower: string, slot: string): ReturnType<AfterUpdateState['copiesOf']> {
    return [...this.afterUpdates.values()].flatMap((state) => state.copiesOf(follower, slot));
  }

  /** @throws OptionsError where a transform cannot serve the model, such as one for weights that it does not have */
  checkTransforms(model: Trainable): void {
    const paths = model.weightTree().paths();
    for (const optimizer of this.optimizers.keys()) this.transformsOf(optimizer).check(paths);
  }

  /** The optimizers that have state. */
  usedOptimizers(): readonly BaseOptimizer[] {
    return [...this.optimizers.keys()];
  }

  /** Makes slots for weights that have become trainable since, before a step that would update them. */
  ensure(model: Trainable): void {
    // A model's own step says itself which weights it updates, in its rehearsal.
    if (model.trainStep !== undefined) return;
    for (const [path, { handle, trainable }] of model.weightTree()) {
      if (trainable) this.ensureWeight(this.plan.optimizer, path, handle.variable);
    }
  }

  /** Makes all that an optimizer's updates of a weight need and that is not there yet. */
  ensureWeight(optimizer: BaseOptimizer, path: string, variable: Variable): void {
    this.stateOf(optimizer).ensure(path, variable);
    this.gradientSums?.ensure(path, variable);
    this.transformsOf(optimizer).ensure(path, variable);
    if (this.plan.afterUpdates.length === 0) return;
    const own = this.afterUpdatesOf(optimizer);
    // A weight of two objectives has one average, which follows the first.
    const isTaken = [...this.afterUpdates.values()].some((other) => other !== own && other.follows(path));
    if (!isTaken) own.ensure(path, variable);
  }

  /** All that the optimizers and what stands around them keep between steps. */
  trainedVariables(): readonly Variable[] {
    const states = [...this.optimizers.values(), ...this.transforms.values(), ...this.afterUpdates.values()];
    const own = states.flatMap((state) => state.entries().map(([, variable]) => variable));
    return [...own, ...(this.gradientSums?.variables() ?? [])];
  }

  /** Every variable under a name that a file can keep; optimizers count in the order of first use. */
  entries(): [name: string, variable: Variable][] {
    const ofOptimizers = this.usedOptimizers().flatMap((optimizer, i) =>
      [this.optimizers, this.transforms, this.afterUpdates].flatMap((states) =>
        (states.get(optimizer)?.entries() ?? []).map(([name, variable]): [string, Variable] => [
          `optimizer/${i}/${name}`,
          variable,
        ]),
      ),
    );
    return [
      ...ofOptimizers,
      ['random-step', this.randomStep],
      ...(this.lossScale?.entries() ?? []),
      ...(this.gradientSums?.entries() ?? []),
      ...this.sums.entries(),
      ...this.previousGradients.entries(),
    ];
  }

  dispose(): void {
    for (const state of this.optimizers.values()) state.dispose();
    this.optimizers.clear();
    for (const state of this.transforms.values()) state.dispose();
    this.transforms.clear();
    for (const state of this.afterUpdates.values()) state.dispose();
    this.afterUpdates.clear();
    this.sums.dispose();
    this.lossScale?.dispose();
    this.gradientSums?.dispose();
    this.randomStep.dispose();
    this.previousGradients.dispose();
  }
}
