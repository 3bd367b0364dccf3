import { IsOptional } from 'class-validator';
import { checkpoint } from '../autodiff/checkpoint.js';
import { SetupError, StateError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { toSnakeCase, UniqueNames } from '../core/naming.js';
import type { OptionsInput } from '../core/parse-options.js';
import type { Shape } from '../core/shape.js';
import type { Tensor } from '../engine/tfjs.js';
import { BaseLayer, type LayerInput } from '../layers/base-layer.js';
import type { CallContext } from '../layers/call-context.js';
import { LayerOptions } from '../layers/layer-options.js';
import { assumedBatch } from '../training/assumed-batch.js';
import { collectLayers } from './collect-weights.js';
import { BaseModel } from './base-model.js';
import { ELEMENTS } from './chain-elements.js';
import {
  checkPolicy,
  isChainPolicy,
  segmentsOf,
  type ChainPolicy,
  type CheckpointPolicy,
  type Segment,
} from './checkpoint-policy.js';
import { Model } from './declarations.js';
import { fitBudget, type UnitCost } from './fit-budget.js';
import { measureUnits } from './measure-units.js';

/** Options of `sequential`. */
export class SequentialOptions extends LayerOptions {
  /** Which layers are computed again for the gradient instead of kept; `compile` may say otherwise. Default `none`. */
  @IsOptional()
  checkpoint?: CheckpointPolicy;
}

/**
 * A model that runs its layers one after the other, $f = f_n \circ \dots \circ f_1$.
 *
 * When to use: a chain of layers with one input and one output; anything else is a subclass of `BaseModel`.
 *
 * Shapes: the first layer's input `[batch, ...]` to the last layer's output. Weights are made from the first data, or in
 * `compile` and `summary` where the first layer has the option `inputShape`.
 *
 * @throws SetupError [no-layers | child-type | duplicate-name]
 *
 * @example
 * ```ts
 * import { layers, sequential } from 'adjoint';
 *
 * const model = sequential([layers.dense({ units: 8, activation: 'relu' }), layers.dense({ units: 2 })]);
 * model.build([null, 4]);
 * console.log(model.countParams()); // 58
 * model.dispose();
 * ```
 *
 * @see https://keras.io/api/models/sequential/
 */
@Model('adjoint/sequential', SequentialOptions)
export class Sequential extends BaseModel<SequentialOptions> {
  private readonly chain: BaseLayer[] = [];
  private named: readonly [string, BaseLayer][] | undefined;
  private compiledPolicy: ChainPolicy | undefined;
  /** Shape of one input without the batch, as of the latest call. */
  private exampleShape: readonly number[] | undefined;
  private costs: ((batch: number) => UnitCost[]) | undefined;
  private readonly segmentsByBatch = new Map<number, Segment[]>();

  constructor(chain: readonly BaseLayer[] = [], options?: OptionsInput<SequentialOptions>) {
    super(options);
    if (this.options.checkpoint !== undefined) checkPolicy(this.options.checkpoint, this.describe());
    if (!Array.isArray(chain)) {
      throw new SetupError('no-layers', {
        where: this.describe(),
        expected: 'an array of layers',
        received: formatValue(chain),
        fix: 'write sequential([layers.dense({ units: 10 })])',
      });
    }
    for (const layer of chain as readonly BaseLayer[]) this.add(layer);
  }

  /**
   * Puts a layer at the end of the chain; its `inputShape` option counts where it is the first.
   *
   * @throws StateError [already-built] once the model has its weights; SetupError [child-type | duplicate-name]
   */
  add(layer: BaseLayer): void {
    this.assertUsable();
    if (this.built) {
      throw new StateError('already-built', {
        where: `add of ${this.describe()}`,
        expected: 'a model that was not built',
        received: 'one that has its weights',
        fix: 'add all layers before compile, fit, predict and summary',
      });
    }
    const given: unknown = layer;
    if (!(given instanceof BaseLayer)) {
      throw new SetupError('child-type', {
        where: `element ${this.chain.length} of ${this.describe()}`,
        expected: 'a layer',
        received: formatValue(given),
        fix: typeof given === 'function' ? 'call the factory, or make an instance with new' : undefined,
      });
    }
    if ((given as BaseLayer) === (this as unknown) || isWithin(this, given)) {
      throw new SetupError('layer-cycle', {
        where: this.describe(),
        expected: 'layers that do not contain the model they are put into',
        received: given === (this as unknown) ? 'the model itself' : `${given.describe()}, which contains it`,
      });
    }
    const { name } = given.options;
    if (name !== undefined && this.chain.some((other) => other !== given && other.options.name === name)) {
      throw new SetupError('duplicate-name', {
        where: this.describe(),
        expected: 'layers of different names',
        received: `two named "${name}"`,
        fix: 'give one of them another name option',
      });
    }
    this.chain.push(layer);
    this.named = undefined;
  }

  override children(): [name: string, layer: BaseLayer<LayerOptions, LayerInput>][] {
    return this.namedChain().map(([name, layer]) => [name, layer as unknown as BaseLayer<LayerOptions, LayerInput>]);
  }

  protected override declaredInputShape(): readonly number[] | undefined {
    const [first] = this.chain;
    return (
      this.options.inputShape ?? (first instanceof Sequential ? first.declaredInputShape() : first?.options.inputShape)
    );
  }

  protected override onBuild(): void {
    if (this.chain.length > 0) return;
    throw new SetupError('no-layers', {
      where: this.describe(),
      expected: 'at least one layer',
      received: 'none',
      fix: 'pass them to sequential([...]) or add() them',
    });
  }

  /**
   * The chain as it was given: a layer that is used twice stands in it twice.
   *
   * @internal
   */
  get [ELEMENTS](): readonly BaseLayer[] {
    return this.chain;
  }

  private namedChain(): readonly [string, BaseLayer][] {
    if (this.named === undefined) {
      const names = new UniqueNames();
      // A layer that stands in the chain twice is one child.
      const distinct = [...new Set(this.chain)];
      for (const { options } of distinct) if (options.name !== undefined) names.reserve(options.name);
      this.named = distinct.map((layer) => [
        layer.options.name ?? names.next(toSnakeCase(layer.constructor.name)),
        layer,
      ]);
    }
    return this.named;
  }

  override call(inputs: Tensor, context?: CallContext): Tensor {
    this.exampleShape = inputs.shape.slice(1);
    return this.segments(assumedBatch(inputs.shape[0]!)).reduce((value, { from, to, again }) => {
      const run = (x: Tensor) => this.chain.slice(from, to).reduce((y, layer) => layer.call(y, context), x);
      return (again ? checkpoint(run) : run)(value);
    }, inputs);
  }

  /** @internal */
  setCheckpointPolicy(policy: ChainPolicy | undefined): void {
    this.compiledPolicy = policy;
    this.segmentsByBatch.clear();
  }

  /** @internal */
  measureForCheckpoints(): void {
    if (typeof this.policy !== 'object' || !('maxActivationMb' in this.policy)) return;
    if (this.exampleShape !== undefined) this.costs ??= measureUnits(this.chain, this.exampleShape);
  }

  /** @internal */
  get ownCheckpointPolicy(): CheckpointPolicy | undefined {
    return this.options.checkpoint;
  }

  private get policy(): ChainPolicy {
    const { checkpoint: own } = this.options;
    return this.compiledPolicy ?? (own !== undefined && isChainPolicy(own) ? own : 'none');
  }

  private segments(batch: number): readonly Segment[] {
    const { policy, chain, costs } = this;
    if (typeof policy !== 'object' || !('maxActivationMb' in policy)) return segmentsOf(chain.length, policy);
    // Before it is measured there are no steps.
    if (costs === undefined) return segmentsOf(chain.length, 'none');
    let segments = this.segmentsByBatch.get(batch);
    if (segments === undefined) {
      segments = fitBudget(
        costs(batch),
        policy.maxActivationMb * 1e6,
        `option "checkpoint" of ${this.describe()}, batch of ${batch}`,
      );
      this.segmentsByBatch.set(batch, segments);
    }
    return segments;
  }

  override computeOutputShape(inputShape: Shape): Shape {
    return this.chain.reduce((shape, layer) => layer.computeOutputShape(shape), inputShape);
  }
}

/**
 * Makes a {@link Sequential} model, from an array of layers or, as in `tf.layers`, from `{ layers: [...] }` or by `add`.
 *
 * @example
 * ```ts
 * import { layers, sequential } from 'adjoint';
 *
 * const model = sequential([layers.flatten(), layers.dense({ units: 10 })], { name: 'digits' });
 * console.log(model.name); // digits
 * ```
 */
export function sequential(chain?: readonly BaseLayer[], options?: OptionsInput<SequentialOptions>): Sequential;
export function sequential(options: OptionsInput<SequentialOptions> & { layers?: readonly BaseLayer[] }): Sequential;
export function sequential(
  first: readonly BaseLayer[] | (OptionsInput<SequentialOptions> & { layers?: readonly BaseLayer[] }) = [],
  options?: OptionsInput<SequentialOptions>,
): Sequential {
  // A layer, where the list was forgotten, is no options either.
  if (typeof first !== 'object' || first === null || Array.isArray(first) || first instanceof BaseLayer) {
    return new Sequential(first as readonly BaseLayer[], options);
  }
  const { layers, ...rest } = first as OptionsInput<SequentialOptions> & { layers?: readonly BaseLayer[] };
  return new Sequential(layers, rest);
}

function isWithin(model: object, layer: BaseLayer): boolean {
  return [...collectLayers(layer as unknown as Parameters<typeof collectLayers>[0])].some(
    ([, inner]) => (inner as object) === model,
  );
}
