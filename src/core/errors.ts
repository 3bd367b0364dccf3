import { inspect, type InspectOptions } from 'node:util';

/** What an Adjoint error tells: where it happened, what was expected, what was received and how to mend it. */
export interface ErrorDetails {
  /** The place, as a phrase: `layer "conv_1" (Conv2D) of model "digits"`. */
  readonly where: string;
  readonly expected?: string;
  readonly received?: string;
  /** One imperative sentence that mends it. */
  readonly fix?: string;
  readonly cause?: unknown;
}

/**
 * Base of every error that Adjoint throws on purpose; the message has the form
 *
 * ```text
 * ShapeError [input-rank] layer "conv_1" (Conv2D) of model "digits"
 *   expected  rank 4  [batch, height, width, channels]
 *   received  rank 3  [128, 28, 28]
 *   fix       add a channel axis, e.g. reshape({ targetShape: [28, 28, 1] }) as the first layer
 * ```
 *
 * @example
 * ```ts
 * import { AdjointError } from 'adjoint';
 *
 * const error = new AdjointError('example', { where: 'this page', fix: 'read on' });
 * console.log(error.kind); // 'example'
 * ```
 */
export class AdjointError extends Error implements ErrorDetails {
  readonly where: string;
  readonly expected?: string;
  readonly received?: string;
  readonly fix?: string;

  /**
   * @param kind - stable identifier of the fault in kebab-case, e.g. `input-rank`
   * @param details - where, expected, received, fix
   */
  constructor(
    readonly kind: string,
    details: ErrorDetails,
  ) {
    super('', details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.where = details.where;
    this.expected = details.expected;
    this.received = details.received;
    this.fix = details.fix;
    this.message = formatMessage(this.name, kind, details);
    // V8 wrote the stack's first lines before the message existed.
    this.stack = `${this.message}\n${(this.stack ?? '')
      .split('\n')
      .filter((line) => /^\s+at /.test(line))
      .join('\n')}`;
  }

  /** The message, which begins with the class's name. */
  override toString(): string {
    return this.message;
  }

  /**
   * What the console shows: message and stack once, then the cause; the fields stand in the message.
   *
   * @internal
   */
  [inspect.custom](_depth: number, options: InspectOptions): string {
    const own = this.stack ?? this.message;
    return this.cause === undefined ? own : `${own}\n  [cause]: ${inspect(this.cause, options)}`;
  }
}

function formatMessage(name: string, kind: string, details: ErrorDetails): string {
  const lines = [`${name} [${kind}] ${details.where}`];
  for (const key of ['expected', 'received', 'fix'] as const) {
    const text = details[key];
    if (text !== undefined) lines.push(`  ${key.padEnd(8)}  ${text.replaceAll('\n', '\n            ')}`);
  }
  return lines.join('\n');
}

/**
 * A tensor has the wrong rank or a wrong dimension.
 *
 * Thrown before anything runs: by layers on their input, by `setWeights` and by variables.
 *
 * @example
 * ```ts
 * import { layers, ShapeError } from 'adjoint';
 *
 * try {
 *   layers.conv2d({ filters: 4, kernelSize: 3 }).computeOutputShape([null, 28, 28]);
 * } catch (error) {
 *   if (error instanceof ShapeError) console.log(error.kind, error.fix); // input-rank add a channel axis, ...
 * }
 * ```
 */
export class ShapeError extends AdjointError {}
/**
 * An option is unknown, misspelt or out of its range.
 *
 * Thrown when the object with the option is made, or by `compile`, `fit` and other functions with options.
 *
 * @example
 * ```ts
 * import { Adam, OptionsError } from 'adjoint';
 *
 * try {
 *   new Adam({ learningRate: -1 });
 * } catch (error) {
 *   if (error instanceof OptionsError) console.log(error.where); // option "learningRate" of optimizer Adam
 * }
 * ```
 */
export class OptionsError extends AdjointError {}
/**
 * A name is not known to a registry.
 *
 * Thrown by `compile` for the name of a loss, metric or optimizer that nobody registered; `fix` has the nearest names.
 *
 * @example
 * ```ts
 * import { layers, LookupError, sequential } from 'adjoint';
 *
 * const model = sequential([layers.dense({ units: 1 })]);
 * try {
 *   model.compile({ loss: 'meanSquareError' });
 * } catch (error) {
 *   if (error instanceof LookupError) console.log(error.fix); // did you mean "meanSquaredError"?
 * }
 * ```
 */
export class LookupError extends AdjointError {}
/**
 * A class is declared, decorated or composed wrongly, or the project's set-up does not allow it.
 *
 * Thrown when a decorator runs, when a layer or model is made, or by `register`.
 *
 * @example
 * ```ts
 * import { Layer, SetupError } from 'adjoint';
 *
 * try {
 *   Layer('without-a-vendor');
 * } catch (error) {
 *   if (error instanceof SetupError) console.log(error.kind); // declared-name
 * }
 * ```
 */
export class SetupError extends AdjointError {}
/**
 * An object is used in a state that does not allow it: before it is built, after `dispose()`, twice at once.
 *
 * Thrown by layers, models and variables, and by `useEngine` once the engine runs.
 *
 * @example
 * ```ts
 * import { layers, sequential, StateError } from 'adjoint';
 *
 * const model = sequential([layers.dense({ units: 1 })]);
 * try {
 *   model.summary();
 * } catch (error) {
 *   if (error instanceof StateError) console.log(error.kind); // not-built
 * }
 * ```
 */
export class StateError extends AdjointError {}
/**
 * Data that was read or passed in is not what it should be.
 *
 * Thrown by datasets and file readers, and by `fit`, `evaluate` and `predict` before their first step.
 *
 * @example
 * ```ts
 * import { Dataset, DataError } from 'adjoint';
 *
 * try {
 *   Dataset.fromArrays({ x: [[1], [2], [3]], y: [[1], [2]] });
 * } catch (error) {
 *   if (error instanceof DataError) console.log(error.kind); // length-mismatch
 * }
 * ```
 */
export class DataError extends AdjointError {}
/**
 * TensorFlow, its library, or an installation of it failed.
 *
 * Thrown when no usable library is found, and by an op that TensorFlow refuses; the message has its code and words.
 *
 * @example
 * ```ts
 * import { EngineError, inFloat64, tf } from 'adjoint';
 *
 * try {
 *   inFloat64(() => tf.image.resizeBilinear(tf.tensor4d([1, 2, 3, 4], [1, 2, 2, 1]), [4, 4]));
 * } catch (error) {
 *   if (error instanceof EngineError) console.log(error.kind, error.where); // no-float64-kernel op ResizeBilinear
 * }
 * ```
 */
export class EngineError extends AdjointError {}
/**
 * A gradient cannot be computed, or a gradient rule is wrong.
 *
 * Thrown by `valueAndGradients`, by training steps and by `registerKernelVjp`.
 *
 * @example
 * ```ts
 * import { GradientError, tf, valueAndGradients } from 'adjoint';
 *
 * const x = tf.tensor1d([1, 2]);
 * try {
 *   valueAndGradients(() => tf.square(x), [x]);
 * } catch (error) {
 *   if (error instanceof GradientError) console.log(error.kind); // not-scalar
 * }
 * ```
 */
export class GradientError extends AdjointError {}
/**
 * A function cannot be recorded into a graph.
 *
 * Thrown by `recorded` functions, and by training steps under `execution: 'recorded'`; nothing was changed by the attempt.
 *
 * @example
 * ```ts
 * import { recorded, tf, TraceError } from 'adjoint';
 *
 * const halve = recorded((x) => tf.div(x, x.dataSync()[0]!));
 * try {
 *   await halve(tf.scalar(2));
 * } catch (error) {
 *   if (error instanceof TraceError) console.log(error.message);
 * }
 * ```
 */
export class TraceError extends AdjointError {}
/**
 * A user's callback or function failed inside a run.
 *
 * Thrown by `fit`; `cause` is what the callback threw, and the model stays usable.
 *
 * @example
 * ```ts
 * import { CallbackError, LambdaCallback, layers, sequential } from 'adjoint';
 *
 * const model = sequential([layers.dense({ units: 1 })]);
 * model.compile({ loss: 'meanSquaredError' });
 * const onEpochEnd = () => {
 *   throw new Error('the disk is full');
 * };
 * try {
 *   await model.fit([[1]], [[1]], { verbose: 0, callbacks: [new LambdaCallback({ onEpochEnd })] });
 * } catch (error) {
 *   if (error instanceof CallbackError) console.log((error.cause as Error).message); // the disk is full
 * }
 * model.dispose();
 * ```
 */
export class CallbackError extends AdjointError {}
