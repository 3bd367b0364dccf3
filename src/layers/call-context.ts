import { currentPath } from '../core/path-scope.js';
import { aboutToChange, type Mark } from '../core/replay.js';
import { RngKey } from '../core/rng-key.js';
import { statelessNormal, statelessUniform } from '../engine/random.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import type { WeightHandle } from './weight-handle.js';

/**
 * Sees the output of every layer's call, and returns what goes on in its place: the same values.
 *
 * @internal
 */
export type OutputObserver = (layer: { readonly options: object }, path: string, output: Tensor) => Tensor;

/** How a call is run. */
export interface CallOptions {
  /** Whether this is a training step: dropout drops, BatchNormalization uses the batch's statistics. Default false. */
  readonly training?: boolean;
  /** Whether dropout drops in training; off for a gradient check. Default true. */
  readonly dropout?: boolean;
  /** Seed of every draw in this call. Default 0. */
  readonly seed?: number;
  /** Step counter, an int32 scalar: draws differ from step to step. Default 0. */
  readonly step?: Tensor;
  /** The model whose training step makes the calls: layers called by it have to be its own. Default none. */
  readonly caller?: object;
  /**
   * Sees every layer's output. Default nobody.
   *
   * @internal
   */
  readonly observer?: OutputObserver;
}

/**
 * What a layer's `call` is given besides its input: the mode, random draws by key, and the two ways in which a layer
 * may speak to the step: a new value for a state weight, and an addition to the loss.
 *
 * Nothing that is staged here takes effect by itself: the training step commits it, or leaves the state as it was.
 *
 * When to use: inside `call`, hand it on to the layers you call; outside of `fit`, make one to see a layer's training mode.
 *
 * @example
 * ```ts
 * import { CallContext, layers, tf } from 'adjoint';
 *
 * const dropout = layers.dropout({ rate: 0.5 });
 * const context = new CallContext({ training: true, seed: 7 });
 * tf.tidy(() => dropout.call(tf.ones([2, 4]), context).print());
 * ```
 */
export class CallContext {
  readonly training: boolean;
  readonly dropout: boolean;
  readonly seed: number;
  /** @internal */
  readonly caller: object | undefined;
  /** @internal */
  readonly observer: OutputObserver | undefined;
  private readonly step: Tensor | undefined;
  private draws = new Map<string, number>();
  private staged = new Map<WeightHandle, Tensor>();
  private penalties: Tensor[] = [];
  private kept: Tensor[] = [];

  constructor(options: CallOptions = {}) {
    this.training = options.training ?? false;
    this.dropout = options.dropout ?? true;
    this.seed = options.seed ?? 0;
    this.step = options.step;
    this.caller = options.caller;
    this.observer = options.observer;
  }

  /**
   * Uniform numbers in [0, 1), keyed by (seed, layer path, ordinal of the draw, name, step): the same in every mode of
   * running, and when the call is run again.
   */
  uniform(shape: readonly number[], name = 'uniform'): Tensor {
    return statelessUniform(shape, this.drawSeed(name));
  }

  /** Normal numbers with mean 0 and standard deviation 1, keyed as {@link CallContext.uniform}. */
  normal(shape: readonly number[], name = 'normal'): Tensor {
    return statelessNormal(shape, this.drawSeed(name));
  }

  /** Stages a new value for a weight that training does not differentiate, such as a moving mean. */
  assign(weight: WeightHandle, value: Tensor): void {
    aboutToChange(this);
    this.staged.set(weight, this.keep(value));
  }

  /** The value staged by an earlier call in this step, else the weight's own. */
  stateOf(weight: WeightHandle): Tensor {
    const staged = this.staged.get(weight);
    // When a call is run again after the context's end, what it makes of the state is used no more.
    return staged === undefined || staged.isDisposed ? weight.value : staged;
  }

  /** Adds a scalar to the loss, e.g. an activity penalty (mean over the batch). */
  addLoss(penalty: Tensor): void {
    aboutToChange(this);
    this.penalties.push(penalty);
  }

  /** What `assign` staged; for the step. */
  get stateWrites(): ReadonlyMap<WeightHandle, Tensor> {
    return this.staged;
  }

  /** What `addLoss` added; for the step, within the same `tf.tidy`. */
  get losses(): readonly Tensor[] {
    return this.penalties;
  }

  /** Keeps a tensor alive until the context is disposed. */
  keep<T extends Tensor>(tensor: T): T {
    // A clone, because the tensor itself may belong to the layer (an input passed through) or to an outer scope.
    aboutToChange(this);
    const clone = tf.keep(tensor.clone()) as T;
    this.kept.push(clone);
    return clone;
  }

  /** @internal */
  mark(): Mark {
    const [draws, staged, penalties] = [new Map(this.draws), new Map(this.staged), [...this.penalties]];
    return {
      added: () => this.penalties.slice(penalties.length),
      rewind: () => {
        const { draws: drawn, staged: written, penalties: added, kept } = this;
        Object.assign(this, { draws: new Map(draws), staged: new Map(staged), penalties: [...penalties], kept: [] });
        return () => {
          for (const tensor of this.kept) tensor.dispose();
          Object.assign(this, { draws: drawn, staged: written, penalties: added, kept });
        };
      },
    };
  }

  /** Frees what was staged and kept. */
  dispose(): void {
    for (const tensor of this.kept) tensor.dispose();
    this.kept.length = 0;
    this.staged.clear();
    this.penalties.length = 0;
  }

  private drawSeed(name: string): Tensor {
    const site = `${currentPath()}:${name}`;
    const ordinal = this.draws.get(site) ?? 0;
    aboutToChange(this);
    this.draws.set(site, ordinal + 1);
    const key = RngKey.fromSeed(this.seed, currentPath(), ordinal, name);
    const constant = tf.tensor1d([key.low | 0, key.high | 0], 'int32');
    if (this.step === undefined) return constant;
    return constant.add(tf.stack([tf.scalar(0, 'int32'), this.step]));
  }
}
