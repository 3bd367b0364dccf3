import type { ModelGradcheckOptions } from '../autodiff/gradcheck-options.js';
import type { GradcheckReport } from '../autodiff/gradcheck-report.js';
import { parseOptions, type OptionsInput } from '../core/parse-options.js';
import type { PathTree } from '../core/path-tree.js';
import type { PathPredicate } from '../core/path-predicate.js';
import { currentServices } from '../core/services.js';
import { sizeOf, type Shape } from '../core/shape.js';
import { History } from '../callbacks/history.js';
import type { ExampleInput } from '../data/example.js';
import type { HostArrayInput } from '../data/host-array.js';
import type { Tensor } from '../engine/tfjs.js';
import { BaseLayer, type LayerInput } from '../layers/base-layer.js';
import type { LayerOptions } from '../layers/layer-options.js';
import type { BatchSource } from '../training/batches.js';
import type { Logs } from '../training/logs.js';
import type { StepContext } from '../training/step-context.js';
import type { DeviceBatch as StepBatch } from '../training/device-batch.js';
import type {
  EvaluateOptions,
  FitOptions,
  MemoryReportOptions,
  PredictOptions,
  ProfileOptions,
  TrainOnBatchOptions,
} from '../training/fit-options.js';
import { NO_PLAN, predictStep } from '../training/evaluate-step.js';
import { predictArrays } from '../training/predict-arrays.js';
import type { MemoryReport } from '../training/memory-report.js';
import type { NonFiniteReport } from '../training/non-finite-report.js';
import type { Profile } from '../training/profile.js';
import { RunQueue } from '../training/run-queue.js';
import { Trainer } from '../training/trainer.js';
import type { TrainingPlan } from '../training/training-plan.js';
import type { Trainable, TrainableWeight } from '../training/trainable.js';
import { changeCheckpointPolicy, settleCheckpointPolicy } from './apply-checkpoint-policy.js';
import { checkFloat32Layers } from './check-float32-layers.js';
import { buildByRun } from './build-by-run.js';
import { checkPolicy } from './checkpoint-policy.js';
import { collectLayers, collectWeights } from './collect-weights.js';
import { CompileOptions } from './compile-options.js';
import { compilePlan } from './compile-plan.js';
import { sortArguments } from './sort-arguments.js';
import { exportSavedModel } from './export-saved-model.js';
import type { ExportOptions, LoadWeightsOptions, SaveModelOptions, SaveWeightsOptions } from './file-options.js';
import { findLayer } from './find-layer.js';
import { lossIsMissing, notBuilt, notCompiled } from './model-refusals.js';
import { saveModel } from './save-model.js';
import { setTrainable } from './set-trainable.js';
import { standardCallbacks } from './standard-callbacks.js';
import type { StoredModel } from './stored-model.js';
import { formatSummary } from './summary.js';
import { loadWeights, saveWeights, type WeightReport } from './weight-file.js';
import { copyWeights, overwriteWeights } from './weight-tensors.js';
import { trainableWeightTensors, withWeights } from './weights-as-input.js';

type AnyLayer = BaseLayer<LayerOptions, LayerInput>;

/**
 * Base of every model: a layer that can be compiled, trained, evaluated and asked for predictions.
 *
 * When to use: extend it when the network is more than a chain, and write the forward pass in `call`; a chain is
 * `sequential([...])`.
 *
 * The model owns its weights and the state of training until `dispose()`, or the end of a `using` block.
 *
 * @throws StateError [not-compiled | not-built | disposed] from methods that are called too early or too late
 *
 * @example
 * ```ts
 * import { BaseModel, Child, layers, Model, tf, type CallContext, type Tensor } from 'adjoint';
 *
 * @Model('app/two-towers')
 * class TwoTowers extends BaseModel {
 *   @Child() left = layers.dense({ units: 4, activation: 'relu' });
 *   @Child() right = layers.dense({ units: 4, activation: 'tanh' });
 *   @Child() head = layers.dense({ units: 1 });
 *   call(x: Tensor, context: CallContext): Tensor {
 *     return this.head.call(tf.add(this.left.call(x, context), this.right.call(x, context)), context);
 *   }
 * }
 *
 * const model = new TwoTowers();
 * model.compile({ optimizer: 'adam', loss: 'meanSquaredError' });
 * await model.fit([[0, 1], [1, 0]], [[1], [2]], { epochs: 2, verbose: 0 });
 * model.dispose();
 * ```
 */
export abstract class BaseModel<O extends LayerOptions = LayerOptions> extends BaseLayer<O> implements Trainable {
  private readonly services = currentServices();
  private readonly queue = new RunQueue(() => this.describe());
  private trainer: Trainer | undefined;
  private compileOptions: CompileOptions | undefined;

  /**
   * Makes the weights of all layers by one run on zeros; where a layer refuses, none are made.
   *
   * @param inputShape - `[batch, ...]`, with `null` for the batch
   * @param seed - seed of the initial weights; `compile`'s where that was called
   */
  override build(inputShape: Shape, seed = this.trainer?.seed ?? 0): void {
    this.assertUsable();
    if (this.built) return;
    // Called by a parent's call: the run that goes on builds the children.
    if (this.path !== '') return super.build(inputShape, seed);
    // `collectLayers` and the error of a layer want names.
    this.place();
    buildByRun(
      this as unknown as AnyLayer,
      inputShape,
      seed,
      () => super.build(inputShape, seed),
      () => this.settleLayers(),
    );
  }

  /** What is chosen by path or by measurement, now that all layers are there; internal to training. */
  settleLayers(): void {
    const all = this as unknown as AnyLayer;
    const where = `compile of ${this.describe()}`;
    checkFloat32Layers(all, this.trainer?.plan.float32Layers, where);
    settleCheckpointPolicy(all, this.compileOptions?.checkpoint, where);
  }

  /** For a model with a `trainStep` of its own; internal to training. */
  buildShell(inputShape: Shape, seed: number): void {
    if (!this.built) super.build(inputShape, seed);
  }

  /**
   * A training step of your own, in the place of the usual one: several losses, several optimizers, a teacher. It is recorded
   * and run like the usual one, with the same callbacks.
   *
   * @param batch - the batch's tensors `x`, `y`, `sampleWeight`, which stay the loop's
   * @param step - minimises losses, and holds the context for layers: `step.call`
   * @returns scalars to log by name; an epoch logs their means, weighted by the batches' sizes
   * @see StepContext
   */
  trainStep?(batch: StepBatch, step: StepContext): Readonly<Record<string, Tensor>>;

  /**
   * Settles how the model is trained; calling it again starts with fresh optimizer state and the same weights.
   *
   * @throws OptionsError for an unknown or invalid option; LookupError for an unknown name
   */
  compile(input: OptionsInput<CompileOptions>): void {
    this.assertUsable();
    this.queue.assertIdle('compile');
    const where = `compile of ${this.describe()}`;
    const options = parseOptions(CompileOptions, input, where);
    if (options.loss === undefined && this.trainStep === undefined) {
      throw lossIsMissing(where);
    }
    if (options.checkpoint !== undefined) checkPolicy(options.checkpoint, where);
    const plan = compilePlan(options, this.services, where);
    this.place();
    const all = this as unknown as AnyLayer;
    if (this.built) checkFloat32Layers(all, plan.float32Layers, where);
    changeCheckpointPolicy(all, this.compileOptions?.checkpoint, options.checkpoint, where, this.built);
    this.trainer?.dispose();
    this.trainer = new Trainer(this, plan, this.queue, this.services.logger);
    this.compileOptions = options;
    this.buildFromOptions();
  }

  /**
   * Trains on arrays, or on a dataset.
   *
   * @param x - inputs `[examples, ...]`, or a dataset of batches, or of examples where `batchSize` is given
   * @param y - labels `[examples, ...]`
   * @returns loss and metrics by epoch
   * @throws DataError, ShapeError, OptionsError before anything is trained; StateError where another `fit` is running
   */
  async fit(x: HostArrayInput, y: HostArrayInput, options?: OptionsInput<FitOptions>): Promise<History>;
  async fit(dataset: BatchSource, options?: OptionsInput<FitOptions>): Promise<History>;
  async fit(
    first: HostArrayInput | BatchSource,
    second?: HostArrayInput | OptionsInput<FitOptions>,
    third?: OptionsInput<FitOptions>,
  ): Promise<History> {
    const { source, options } = sortArguments(first, second, third);
    const history = new History();
    const standard = (all: FitOptions) => standardCallbacks(history, all, `fit of ${this.describe()}`);
    await this.compiled('fit').fit(source, options as OptionsInput<FitOptions> | undefined, standard);
    return history;
  }

  /** Trains on a dataset; the same as `fit(dataset, options)`, as `tf.layers` names it. */
  fitDataset(dataset: BatchSource, options?: OptionsInput<FitOptions>): Promise<History> {
    return this.fit(dataset, options);
  }

  /**
   * Loss and metrics over data, in inference mode.
   *
   * @returns numbers by name: `{ loss, accuracy }`
   */
  async evaluate(x: HostArrayInput, y: HostArrayInput, options?: OptionsInput<EvaluateOptions>): Promise<Logs>;
  async evaluate(dataset: BatchSource, options?: OptionsInput<EvaluateOptions>): Promise<Logs>;
  async evaluate(
    first: HostArrayInput | BatchSource,
    second?: HostArrayInput | OptionsInput<EvaluateOptions>,
    third?: OptionsInput<EvaluateOptions>,
  ): Promise<Logs> {
    const { source, options } = sortArguments(first, second, third);
    return this.compiled('evaluate').evaluate(source, options as OptionsInput<EvaluateOptions> | undefined);
  }

  /**
   * The model's outputs, in inference mode; may be called while `fit` is running and then waits for a step's end. A
   * model that is not compiled will do.
   *
   * @param x - inputs `[examples, ...]`
   * @returns outputs `[examples, ...]`, a tensor that the caller disposes
   */
  async predict(x: HostArrayInput, options?: OptionsInput<PredictOptions>): Promise<Tensor> {
    this.assertUsable();
    if (this.trainer !== undefined) return this.trainer.predict(x, options);
    return predictArrays(this, 0, this.queue, x, options, async (batch) => predictStep(this, NO_PLAN, batch));
  }

  /**
   * One training step on one batch.
   *
   * @param y - labels; may be left out where the model's own `trainStep` needs none
   * @returns loss and metrics of the batch, or what the model's own `trainStep` logs
   */
  async trainOnBatch(
    x: HostArrayInput,
    y?: HostArrayInput,
    options?: OptionsInput<TrainOnBatchOptions>,
  ): Promise<Logs> {
    return this.compiled('trainOnBatch').trainOnBatch({ x, y }, options);
  }

  /**
   * Gradients of the training loss by every trainable weight, before clipping; changes nothing.
   *
   * @returns tensors by weight path that the caller disposes; `null` where the forward pass does not use the weight
   */
  async gradients(x: HostArrayInput, y: HostArrayInput): Promise<Record<string, Tensor | null>> {
    return this.compiled('gradients').gradients({ x, y } satisfies ExampleInput);
  }

  /**
   * Compares the gradient of the training loss by every trainable weight with differences, in float64; changes nothing.
   *
   * The loss is that of training, in training mode, with the penalties of regularizers, which the report names; dropout and
   * clipping are off. Weights of more than `maximumElements` are checked along random directions, and at some elements.
   *
   * @param x - inputs `[examples, ...]`; two to four examples will do, as each difference is a forward pass
   * @param y - labels `[examples, ...]`
   * @returns errors by weight path, with the worst element; see `docs/gradcheck.md` for how to read it
   * @throws StateError [not-compiled]; GradientError [gradcheck] where a check fails under `throws: true`
   *
   * @example
   * ```ts
   * import { layers, sequential } from 'adjoint';
   *
   * const model = sequential([layers.dense({ units: 3, activation: 'tanh' }), layers.dense({ units: 1 })]);
   * model.compile({ loss: 'meanSquaredError' });
   * const report = await model.gradcheck([[0.1, 0.2], [0.3, -0.4]], [[1], [2]]);
   * console.log(report.passed, report.inputs.map(({ input }) => input)); // true [ 'dense/kernel', 'dense/bias', ... ]
   * model.dispose();
   * ```
   */
  async gradcheck(
    x: HostArrayInput,
    y: HostArrayInput,
    options?: OptionsInput<ModelGradcheckOptions>,
  ): Promise<GradcheckReport> {
    return this.compiled('gradcheck').gradcheck({ x, y }, options);
  }

  /**
   * Runs a step that `NonFiniteGuard` kept in a folder again, and finds the first value in it that is not finite.
   *
   * The model has to be compiled as it was in the run, and gets the weights of that step; `adjoint replay` does the same
   * from the command line.
   *
   * @param directory - what the guard was given for `reproDirectory`
   * @throws DataError where the folder is damaged, or is of another model; StateError where `fit` is running
   *
   * @example
   * ```ts
   * import { DataError, layers, sequential } from 'adjoint';
   *
   * const model = sequential([layers.dense({ units: 1 })]);
   * model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
   * await model.replay('not-a-folder').catch((error: unknown) => console.log(error instanceof DataError)); // true
   * model.dispose();
   * ```
   */
  async replay(directory: string): Promise<NonFiniteReport> {
    return this.compiled('replay').replay(directory);
  }

  /**
   * Where the time and memory of a training step go, by op and by layer; trains nothing and changes nothing.
   *
   * The step runs as a graph on copies of the weights, also where `compile` says `execution: 'eager'`.
   *
   * @param x - inputs `[examples, ...]` of which the first `batchSize` make the step, or a dataset
   * @param y - labels `[examples, ...]`
   * @throws TraceError [not-profiled] where the step cannot be recorded; StateError where `fit` is running
   *
   * @example
   * ```ts
   * import { layers, sequential, tf } from 'adjoint';
   *
   * const model = sequential([layers.dense({ units: 64, activation: 'relu' }), layers.dense({ units: 1 })]);
   * model.compile({ optimizer: 'adam', loss: 'meanSquaredError' });
   * const profile = await model.profile(tf.ones([32, 100]), tf.ones([32, 1]), { runs: 3 });
   * for (const { op, path, microseconds } of profile.ops.slice(0, 3)) console.log(op, path, microseconds);
   * profile.print();
   * model.dispose();
   * ```
   */
  async profile(x: HostArrayInput, y: HostArrayInput, options?: OptionsInput<ProfileOptions>): Promise<Profile>;
  async profile(dataset: BatchSource, options?: OptionsInput<ProfileOptions>): Promise<Profile>;
  async profile(
    first: HostArrayInput | BatchSource,
    second?: HostArrayInput | OptionsInput<ProfileOptions>,
    third?: OptionsInput<ProfileOptions>,
  ): Promise<Profile> {
    const { source, options } = sortArguments(first, second, third);
    return this.compiled('profile').profile(source, options as OptionsInput<ProfileOptions> | undefined);
  }

  /**
   * Trains for a look at the model, which takes a callback that puts the weights back: all else is as before afterwards.
   *
   * @internal
   */
  async fitApart(
    where: string,
    source: BatchSource,
    options: OptionsInput<FitOptions>,
    changes: Partial<TrainingPlan> = {},
  ): Promise<Logs> {
    const { plan } = this.compiled(where);
    // Optimizer state, draws and the place in the data are another trainer's: this one's stay as they are.
    const trainer = new Trainer(this, { ...plan, ...changes }, this.queue, this.services.logger);
    try {
      return await trainer.fit(source, options, () => []);
    } finally {
      trainer.dispose();
    }
  }

  /**
   * What a training step of so many examples takes in memory, foretold; trains nothing and changes nothing.
   *
   * The step is recorded on few examples, and the life of each tensor followed through the graph. With `x` and `y` a step
   * is traced besides, and its peak stands under `measured`.
   *
   * @throws StateError [not-compiled | not-built]; TraceError [not-profiled] where the step cannot be recorded; DataError
   * [too-few-examples] where `x` is no batch
   * @see MemoryReport, `docs/memory.md`
   *
   * @example
   * ```ts
   * import { layers, sequential } from 'adjoint';
   *
   * const body = Array.from({ length: 9 }, () => layers.dense({ units: 64, activation: 'gelu' }));
   * const model = sequential(body, { inputShape: [64] });
   * model.compile({ loss: 'meanSquaredError', checkpoint: 'sqrt' });
   * const report = await model.memoryReport({ batchSize: 4096 });
   * console.log(report.peak < 0.6 * report.peakWithoutPolicy); // true
   * console.log(report.table());
   * model.dispose();
   * ```
   */
  async memoryReport(options?: OptionsInput<MemoryReportOptions>): Promise<MemoryReport> {
    const trainer = this.compiled('memoryReport');
    this.assertBuilt('memoryReport');
    return trainer.memoryReport(options, this.shapeOfExample);
  }

  /** All descendants, in the order of declaration. */
  get layers(): readonly AnyLayer[] {
    this.place();
    return [...collectLayers(this)].map(([, layer]) => layer);
  }

  /**
   * A descendant by its path, `body/conv2d`, or by its name where only one has it.
   *
   * @throws OptionsError [unknown-layer]
   */
  getLayer(name: string): AnyLayer {
    this.place();
    return findLayer(this, name);
  }

  /** Weights by path with whether training updates them; empty before the model is built. */
  weightTree(): PathTree<TrainableWeight> {
    return collectWeights(this);
  }

  /** Copies of all weights in the order of {@link BaseModel.weightTree}; the caller disposes them. */
  getWeights(): Tensor[] {
    this.assertBuilt('getWeights');
    return copyWeights(this);
  }

  /**
   * Overwrites all weights, in the order of `getWeights()`; the given tensors stay the caller's.
   *
   * @throws ShapeError where number or shapes differ, before anything is written; StateError while a step is running
   */
  setWeights(weights: readonly Tensor[]): void {
    this.assertBuilt('setWeights');
    this.queue.assertBetweenSteps('setWeights');
    overwriteWeights(this, weights);
  }

  /**
   * The weights that training updates, by path, as copies that the caller disposes: what a function of the weights is
   * differentiated by.
   *
   * @see {@link BaseModel.withWeights}
   */
  trainableWeightTensors(): Record<string, Tensor> {
    this.assertBuilt('trainableWeightTensors');
    return trainableWeightTensors(this);
  }

  /**
   * Runs a function in which the model has other weights than its own, and so makes the model a function of its weights.
   *
   * When to use: for gradients, Hessian products or several steps of training by hand, which may themselves be
   * differentiated (MAML). The model's own weights are neither read nor changed where others are given.
   *
   * A weight that is used twice, or in another model too, is one weight: its gradient is the sum over its uses.
   *
   * @param weights - values by weight path, of the weights' shapes; weights left out keep their own values
   * @param fn - a synchronous function
   * @returns what `fn` returns
   * @throws LookupError [unknown-weight]; ShapeError [weight-shape]; StateError [not-built | async-weights]
   *
   * @example
   * ```ts
   * import { grad, layers, sequential, tf } from 'adjoint';
   *
   * const model = sequential([layers.dense({ units: 1 })]);
   * model.build([null, 2]);
   * const x = tf.tensor2d([[1, 2]]);
   * const weights = model.trainableWeightTensors();
   * const gradient = grad((w: typeof weights) => model.withWeights(w, () => tf.sum(model.call(x))))(weights);
   * console.log([...gradient['dense/kernel']!.dataSync()]); // 1, 2
   * tf.dispose([weights, gradient, x]);
   * model.dispose();
   * ```
   */
  withWeights<Result>(weights: Readonly<Record<string, Tensor>>, fn: () => Result): Result {
    this.assertBuilt('withWeights');
    return withWeights(this, weights, fn);
  }

  /**
   * Runs a function while the model has the averages of its weights, as `compile({ weightAverage })` keeps them, in the
   * weights' place; afterwards the weights are back, to the bit.
   *
   * When to use: to evaluate, to predict, or to read the averages with `getWeights()`; also in a callback's hook, awaited.
   * Until the first training step the weights are their own average. Moving statistics are not averaged: see
   * docs/gradient-handling.md on batch normalisation.
   *
   * @param fn - may be asynchronous; it must not write weights
   * @returns what `fn` returns
   * @throws StateError [no-weight-average] where none is kept; [averaged-weights] where a training step is begun meanwhile
   *
   * @example
   * ```ts
   * import { layers, sequential } from 'adjoint';
   *
   * const model = sequential([layers.dense({ units: 1 })]);
   * model.compile({ optimizer: 'adam', loss: 'meanSquaredError', weightAverage: { decay: 0.99 } });
   * const [x, y] = [[[1], [2]], [[2], [4]]];
   * await model.fit(x, y, { epochs: 3, verbose: 0 });
   * console.log(await model.withAveragedWeights(() => model.evaluate(x, y)));
   * model.dispose();
   * ```
   */
  async withAveragedWeights<Result>(fn: () => Result | Promise<Result>): Promise<Result> {
    return this.compiled('withAveragedWeights').averaged.during(fn);
  }

  /**
   * Overwrites the weights with their averages, as Keras does at the end of a `fit` with `use_ema`; training may go on from
   * there.
   *
   * @throws StateError [no-weight-average] where none is kept; [step-in-flight] while a step is running
   */
  useAveragedWeights(): void {
    this.compiled('useAveragedWeights').averaged.overwrite();
  }

  /**
   * Saves the model to a folder from which `loadModel` makes it again: layers and options, weights, statistics and, where it is
   * compiled, the settings of `compile`. The state of a training (optimizer slots, epochs) is not part of it.
   *
   * A folder that stands there is replaced once the new one is complete. May be called during `fit`; it waits for a step's end.
   *
   * @param directory - a new path, an empty folder, or one that `save` wrote
   * @throws SetupError [not-serialisable] for what no file can hold, such as a function; DataError [write-failed | not-ours];
   * StateError [not-built]. Nothing was written then.
   *
   * @example
   * ```ts
   * import { mkdtemp, rm } from 'node:fs/promises';
   * import { tmpdir } from 'node:os';
   * import { join } from 'node:path';
   * import { layers, loadModel, sequential } from 'adjoint';
   *
   * const folder = await mkdtemp(join(tmpdir(), 'saved-'));
   * const model = sequential([layers.dense({ units: 2, activation: 'tanh' }), layers.dense({ units: 1 })]);
   * model.build([null, 3]);
   * await model.save(join(folder, 'model'));
   * const loaded = await loadModel(join(folder, 'model'));
   * console.log(loaded.countParams()); // 11
   * model.dispose();
   * loaded.dispose();
   * await rm(folder, { recursive: true });
   * ```
   *
   * @see loadModel, `docs/saving.md`
   */
  async save(directory: string, options?: OptionsInput<SaveModelOptions>): Promise<void> {
    return saveModel(this.stored('save'), directory, options);
  }

  /**
   * Saves the weights alone, statistics included, to one safetensors file, by path or as Keras or PyTorch names and lays them out.
   *
   * @throws DataError [write-failed], with the old file intact; StateError [not-built]
   * @see `docs/saving.md` for the layouts
   */
  async saveWeights(path: string, options?: OptionsInput<SaveWeightsOptions>): Promise<void> {
    return saveWeights(this.stored('saveWeights'), path, options);
  }

  /**
   * Overwrites weights with those of a safetensors file. All must be there in their shapes, and nothing else, unless `partial`
   * or `only` says otherwise; nothing is written before everything was checked.
   *
   * @returns what was loaded, and what of model and file was left
   * @throws DataError [weights-differ] with all that is missing, extra and misshapen; DataError [safetensors | no-such-file]
   *
   * @example
   * ```ts
   * import { mkdtemp, rm } from 'node:fs/promises';
   * import { tmpdir } from 'node:os';
   * import { join } from 'node:path';
   * import { layers, sequential } from 'adjoint';
   *
   * const folder = await mkdtemp(join(tmpdir(), 'weights-'));
   * const small = sequential([layers.dense({ units: 4, name: 'body' }), layers.dense({ units: 2 })]);
   * small.build([null, 3]);
   * await small.saveWeights(join(folder, 'small.safetensors'));
   * const other = sequential([layers.dense({ units: 4, name: 'body' }), layers.dense({ units: 7 })]);
   * other.build([null, 3]);
   * const report = await other.loadWeights(join(folder, 'small.safetensors'), { partial: true });
   * console.log(report.loaded, report.misshapen.length); // [ 'body/kernel', 'body/bias' ] 2
   * small.dispose();
   * other.dispose();
   * await rm(folder, { recursive: true });
   * ```
   */
  async loadWeights(path: string, options?: OptionsInput<LoadWeightsOptions>): Promise<WeightReport> {
    return loadWeights(this.stored('loadWeights'), path, options);
  }

  /**
   * Writes the recorded prediction, its weights as constants, as a TensorFlow SavedModel with the signature
   * `serving_default`, from `inputs` to `outputs`: for Python, TensorFlow Serving and TensorFlow Lite's converter.
   *
   * The batch may have any size; a model whose graph depends on it otherwise than in shapes needs the option `batchSize`.
   *
   * @param directory - a new path, an empty folder, or one that holds a SavedModel of ours
   * @throws TraceError where the prediction cannot be recorded, [fixed-batch] where it does not allow for any batch;
   * DataError [write-failed | not-ours]; StateError [not-built]
   * @see `docs/saving.md`
   */
  async exportSavedModel(directory: string, options?: OptionsInput<ExportOptions>): Promise<void> {
    return exportSavedModel(this.stored('exportSavedModel'), directory, options);
  }

  /**
   * Sets whether training updates the layers whose path the predicate chooses; holds from the next step on, without
   * compiling again. Slots of a frozen weight are kept.
   *
   * @throws OptionsError [invalid-option] where the predicate chooses no layer
   */
  setTrainable(predicate: PathPredicate, trainable: boolean): void {
    this.place();
    setTrainable(this, predicate, trainable);
  }

  /** Number of weight elements, statistics included. */
  countParams(): number {
    this.assertBuilt('countParams');
    return [...this.weightTree()].reduce((sum, [, { handle }]) => sum + sizeOf(handle.shape), 0);
  }

  /**
   * A table of layers, output shapes and parameters; below it, what training takes in memory.
   *
   * @param print - where the text goes; default the logger
   * @param memory - what `await model.memoryReport({ batchSize })` found; default none
   */
  summary(print: (text: string) => void = (text) => this.services.logger.info(text), memory?: MemoryReport): void {
    this.assertBuilt('summary');
    print(formatSummary(this, memory));
  }

  override describe(): string {
    return this.describeAs(`model "${this.path === '' ? this.name : this.path}"`);
  }

  /**
   * Frees weights, optimizer state and all else that the model holds; a second call does nothing.
   *
   * @throws StateError [still-running] during `fit` or another run
   */
  override dispose(): void {
    if (this.disposed) return;
    this.queue.assertIdle('dispose');
    this.trainer?.dispose();
    super.dispose();
  }

  private stored(what: string): StoredModel {
    this.assertBuilt(what);
    const { trainer, compileOptions: options, queue } = this;
    return {
      model: this as unknown as StoredModel['model'],
      inputShape: this.shapeOfExample,
      compiled: trainer && options && { options, plan: trainer.plan },
      logger: this.services.logger,
      betweenSteps: (task, fn) =>
        queue.shared(task, () =>
          queue.step(async () => {
            this.assertUsable();
            return fn();
          }),
        ),
    };
  }

  /** Shape of one input, as the model was built for. */
  private get shapeOfExample(): readonly number[] {
    return this.shapeOfBuild!.slice(1).map((dimension) => dimension ?? 1);
  }

  private compiled(what: string): Trainer {
    this.assertUsable();
    if (this.trainer !== undefined) return this.trainer;
    throw notCompiled(what, this.describe());
  }

  /** Shape of one input without the batch axis, where the model is told it before it sees data. */
  protected declaredInputShape(): readonly number[] | undefined {
    return this.options.inputShape;
  }

  private buildFromOptions(): void {
    const inputShape = this.declaredInputShape();
    if (!this.built && inputShape !== undefined) this.build([null, ...inputShape]);
  }

  private assertBuilt(what: string): void {
    this.assertUsable();
    this.buildFromOptions();
    if (this.built) return;
    throw notBuilt(what, this.describe());
  }
}
