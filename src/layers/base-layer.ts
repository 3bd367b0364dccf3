import { inspect } from 'node:util';
import { SetupError, ShapeError, StateError } from '../core/errors.js';
import { checkpoint } from '../autodiff/checkpoint.js';
import { optionsClassOf, type OptionsClass } from '../core/declaration.js';
import { toSnakeCase, UniqueNames } from '../core/naming.js';
import { parseOptions, type OptionsInput } from '../core/parse-options.js';
import { formatShape, type Shape } from '../core/shape.js';
import { currentPath, pathDepth, withPath } from '../core/path-scope.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { buildWeights } from './build-weights.js';
import { CallContext } from './call-context.js';
import { checkpointedFields, isCheckpointedClass } from './checkpointing.js';
import { declaredChildren, declaredWeights } from './declarations.js';
import { LayerOptions } from './layer-options.js';
import { runningContext, withRunningContext } from './running-context.js';
import { WeightHandle } from './weight-handle.js';

/** What flows into a layer: one tensor, or several for layers such as `Add`. */
export type LayerInput = Tensor | readonly Tensor[];

/**
 * Base of every layer and model: options, weights, children and the checks around `call`.
 *
 * A subclass overrides `call`. Calling it builds the layer on the first input's shape, checks the input's rank and
 * names the layer in every error. Weights belong to the layer until `dispose()`.
 *
 * When to use: extend it for a layer of your own; weights are fields decorated with `@Weight`, inner layers fields
 * decorated with `@Child`.
 *
 * Shapes: `[batch, ...]` to `[batch, ...]`, as the subclass says; a layer that takes a list extends
 * `BaseLayer<Options, readonly Tensor[]>`.
 *
 * @throws OptionsError [unknown-option | invalid-option] in the constructor; ShapeError [input-type], SetupError
 * [undeclared-child], StateError [disposed] from `call`
 *
 * @example
 * ```ts
 * import { BaseLayer, Layer, type Tensor } from 'adjoint';
 *
 * @Layer('app/square')
 * class Square extends BaseLayer {
 *   call(x: Tensor): Tensor {
 *     return x.square();
 *   }
 * }
 * console.log(new Square({ name: 'sq' }).name); // sq
 * ```
 */
export abstract class BaseLayer<O extends LayerOptions = LayerOptions, I extends LayerInput = Tensor> {
  readonly options: O;
  /** Name within the parent; given by the parent where the options leave it open. */
  name: string;
  /** Names of the ancestors below the root and of this layer, joined by `/`; `''` for a root. */
  path = '';
  /** The outermost layer or model that this one is declared in; `null` for a root. */
  private root: BaseLayer<LayerOptions, LayerInput> | null = null;
  /** The layer that declares this one; of several, the first that was placed. */
  private parent: BaseLayer<LayerOptions, LayerInput> | null = null;
  /** Seed of the initial weights, its children's included. */
  private seed = 0;
  private isBuilt = false;
  private isDisposed = false;
  private handles: WeightHandle[] = [];

  constructor(options?: OptionsInput<O>) {
    const layerClass = new.target;
    this.options = parseOptions(
      optionsClassOf(layerClass, LayerOptions) as OptionsClass<O>,
      options,
      `layer ${layerClass.name}`,
    );
    this.name = this.options.name ?? toSnakeCase(layerClass.name);
    this.defineHandles();
    if (isCheckpointedClass(layerClass)) this.setCheckpointed('declaration', true);
    // `call` is what a subclass writes and what everybody calls: the checks stand between the two, on the instance.
    const written = this.call.bind(this);
    Object.defineProperty(this, 'call', {
      value: (inputs: I, context?: CallContext) => this.checkedCall(written, inputs, context),
      writable: true,
      configurable: true,
      enumerable: false,
    });
  }

  /**
   * Computes the layer's output.
   *
   * @param inputs - the input, `[batch, ...]`
   * @param context - mode, draws and state; where left out, that of the layer whose call is running, else a new one for
   *   inference
   */
  abstract call(inputs: I, context?: CallContext): Tensor;

  /** Shape of the output for a shape of the input, found by a run on zeros where a layer does not know better. */
  computeOutputShape(inputShape: Shape): Shape {
    this.build(inputShape);
    const context = new CallContext({ seed: this.seed });
    const output = tf.tidy(() => this.call(tf.zeros(inputShape.map((dimension) => dimension ?? 1)) as I, context));
    output.dispose();
    return output.shape.map((dimension, i) => (i === 0 && inputShape[0] === null ? null : dimension));
  }

  /** Refuses an input that the layer cannot take; overridden by layers that know their rank. */
  protected checkInput(_shape: Shape): void {}

  /** Called once when the layer is built, before its weights: the place to make children that depend on the input. */
  protected onBuild(_inputShape: Shape, _seed: number): void {}

  /** Names and child layers: the fields decorated with `@Child`. */
  children(): [name: string, layer: BaseLayer<LayerOptions, LayerInput>][] {
    const found: [string, BaseLayer<LayerOptions, LayerInput>][] = [];
    for (const { field } of declaredChildren(this)) {
      const value = (this as Record<string, unknown>)[field];
      if (value === undefined || value === null) continue;
      const many = Array.isArray(value);
      for (const [i, child] of (many ? (value as unknown[]) : [value]).entries()) {
        if (!(child instanceof BaseLayer)) {
          throw new SetupError('child-type', {
            where: `field "${field}" of ${this.describe()}`,
            expected: 'a layer or an array of layers under @Child()',
            received: typeof child,
          });
        }
        const layer = child as BaseLayer<LayerOptions, LayerInput>;
        found.push([layer.options.name ?? (many ? `${field}_${i}` : field), layer]);
      }
    }
    return found;
  }

  /** The layer's own weights, children apart, in declaration order; empty before it is built. */
  get ownWeights(): readonly WeightHandle[] {
    return this.handles.filter((handle) => handle.built);
  }

  /** Shape of the latest call's output, its batch included; `undefined` before the first call. */
  get outputShape(): Shape | undefined {
    return this.lastOutputShape;
  }
  private lastOutputShape: Shape | undefined;

  /** Whether the layer has its weights. */
  get built(): boolean {
    return this.isBuilt;
  }

  /** Whether `dispose()` was called. */
  get disposed(): boolean {
    return this.isDisposed;
  }

  /** Whether training updates the layer's weights: never in a layer that is not trainable itself. Takes effect at the next step. */
  get trainable(): boolean {
    return (this.trainableFlag ?? this.options.trainable) && this.parent?.trainable !== false;
  }
  set trainable(value: boolean) {
    this.trainableFlag = value;
  }
  private trainableFlag: boolean | undefined;

  /**
   * What was set by hand, ancestors and options apart; `undefined` where nothing was.
   *
   * @internal
   */
  get trainableByHand(): boolean | undefined {
    return this.trainableFlag;
  }

  /**
   * The shape that the layer was built for; `undefined` before.
   *
   * @internal
   */
  get shapeOfBuild(): Shape | undefined {
    return this.isBuilt ? this.builtFor : undefined;
  }
  private builtFor: Shape = [];

  /** Whether a training step keeps only the layer's input and computes the rest again for the gradient. */
  get checkpointed(): boolean {
    return this.checkpointedBy.size > 0;
  }
  private readonly checkpointedBy = new Set<unknown>();

  /**
   * @param by - who says so: each takes back its own word alone
   * @internal
   */
  setCheckpointed(by: unknown, value: boolean): void {
    if (value) this.checkpointedBy.add(by);
    else this.checkpointedBy.delete(by);
  }

  /**
   * Makes the weights for a shape of the input; children are built when they are first called.
   *
   * @param inputShape - `[batch, ...]`, with `null` for a dimension left open
   * @throws ShapeError where the layer cannot take that input
   */
  build(inputShape: Shape, seed = 0): void {
    if (this.isBuilt) return;
    this.assertUsable();
    this.place();
    this.checkInput(inputShape);
    this.seed = seed;
    this.onBuild(inputShape, seed);
    this.place();
    this.defineHandles();
    buildWeights(this, this.handles, inputShape, seed);
    this.builtFor = inputShape;
    this.isBuilt = true;
  }

  /** What `console.log` shows. */
  [inspect.custom](): string {
    return this.describe();
  }

  /** How errors name the layer: `layer "conv_1" (Conv2D) of model "digits"`. */
  describe(): string {
    return this.describeAs(`layer "${this.path === '' ? this.name : this.path}" (${this.constructor.name})`);
  }

  /** A phrase for this layer, followed by the root that it is part of. */
  protected describeAs(phrase: string): string {
    return this.root === null ? phrase : `${phrase} of ${this.root.describe()}`;
  }

  /** Frees the weights of the layer and its children; a second call does nothing. */
  dispose(): void {
    if (this.isDisposed) return;
    this.isDisposed = true;
    for (const handle of this.handles) handle.dispose();
    for (const [, child] of this.children()) {
      // A layer that another model declared first, and shares, is that model's to free.
      if (child.parent === null || child.parent === (this as unknown)) child.dispose();
    }
  }

  /** Frees the weights of a build that failed further on, so that the next one starts afresh; for models. */
  undoBuild(): void {
    for (const handle of this.handles) handle.detach();
    this.isBuilt = false;
    this.lastOutputShape = undefined;
  }

  /** `using layer = ...` disposes at the end of the block. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Gives every descendant its name and path; safe to repeat. */
  protected place(): void {
    const names = new UniqueNames();
    const placed = new Set<object>();
    for (const [name, child] of this.children()) {
      if (placed.has(child)) continue;
      placed.add(child);
      if (!names.reserve(name)) {
        throw new SetupError('duplicate-name', {
          where: this.describe(),
          expected: 'children of different names',
          received: `two named "${name}"`,
          fix: 'give one of them another name option',
        });
      }
      // Again where it is this layer's: a model that has since become part of another has a new root.
      if (child.root === null || child.parent === (this as unknown)) {
        child.root = this.root ?? (this as unknown as BaseLayer<LayerOptions, LayerInput>);
        child.parent = this as unknown as BaseLayer<LayerOptions, LayerInput>;
        child.name = name;
        child.path = this.path === '' ? name : `${this.path}/${name}`;
      }
      child.place();
    }
    for (const child of checkpointedFields(this)) (child as BaseLayer).setCheckpointed('declaration', true);
  }

  /** @throws StateError [disposed] */
  protected assertUsable(): void {
    if (!this.isDisposed) return;
    throw new StateError('disposed', {
      where: this.describe(),
      expected: 'a layer in use',
      received: 'a use after dispose()',
      fix: 'make a new one, or dispose later',
    });
  }

  private defineHandles(): void {
    const declared = declaredWeights(this);
    if (this.handles.length === 0) {
      this.handles = declared.map(({ field }) => new WeightHandle(field, () => this.describe()));
    }
    // Where useDefineForClassFields is on, a field's own initialiser wrote undefined over the first definition.
    for (const handle of this.handles) {
      Object.defineProperty(this, handle.name, { value: handle, writable: true, configurable: true, enumerable: true });
    }
  }

  private checkedCall(
    written: (inputs: I, context: CallContext) => Tensor,
    inputs: I,
    given: CallContext | undefined,
  ): Tensor {
    this.assertUsable();
    const context = given ?? runningContext() ?? new CallContext();
    const first: Tensor | undefined = Array.isArray(inputs) ? (inputs as readonly Tensor[])[0] : (inputs as Tensor);
    if (!(first instanceof tf.Tensor)) {
      throw new ShapeError('input-type', {
        where: this.describe(),
        expected: 'a tensor',
        received: first === null ? 'null' : typeof first,
        fix: 'pass a tensor, e.g. tf.tensor(values)',
      });
    }
    const { caller } = context;
    if (this.root === null && (pathDepth() > 0 || (caller !== undefined && caller !== this))) {
      throw new SetupError('undeclared-child', {
        where: this.describe(),
        expected: 'layers called inside another layer to be declared as its children',
        received: 'a call from a layer that does not declare it: its weights would not be trained',
        fix: 'hold it in a field decorated with @Child()',
      });
    }
    // Before the path is entered: a model builds itself by a call of its own.
    if (!this.isBuilt) this.build(first.shape, context.seed);
    else this.checkInput(first.shape);
    return withPath(pathDepth() === 0 ? this.path : this.name, () => {
      const run = (x: I) => withRunningContext(context, () => written(x, context));
      const output = (this.checkpointed ? checkpoint(run) : run)(inputs);
      if (output instanceof tf.Tensor) {
        this.lastOutputShape = output.shape;
        const path = currentPath();
        return path === '' ? output : (context.observer?.(this, path, output) ?? output);
      }
      // Nobody awaits it, and what it may fail with would end the process.
      if ((output as unknown) instanceof Promise) (output as unknown as Promise<unknown>).catch(() => {});
      throw new SetupError('call-result', {
        where: this.describe(),
        expected: 'call() to return a tensor',
        received: (output as unknown) instanceof Promise ? 'a promise' : typeof output,
        fix: (output as unknown) instanceof Promise ? 'make call() synchronous' : 'return the output at its end',
      });
    });
  }
}

/** Refuses an input of another rank, with the axes named. */
export function expectRank(layer: { describe(): string }, shape: Shape, axes: readonly string[], fix?: string): void {
  if (shape.length === axes.length) return;
  throw new ShapeError('input-rank', {
    where: layer.describe(),
    expected: `rank ${axes.length}  [${axes.join(', ')}]`,
    received: `rank ${shape.length}  ${formatShape(shape)}`,
    fix,
  });
}
