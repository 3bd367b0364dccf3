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
    this.stack = `${this.message}\n${(this.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line)).join('\n')}`;
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

/** A tensor has the wrong rank or a wrong dimension. */
export class ShapeError extends AdjointError {}
/** An option is unknown, misspelt or out of its range. */
export class OptionsError extends AdjointError {}
/** A name is not known to a registry. */
export class LookupError extends AdjointError {}
/** A class is declared, decorated or composed wrongly, or the project's set-up does not allow it. */
export class SetupError extends AdjointError {}
/** An object is used in a state that does not allow it: before it is built, after `dispose()`, twice at once. */
export class StateError extends AdjointError {}
/** Data that was read or passed in is not what it should be. */
export class DataError extends AdjointError {}
/** TensorFlow, its library, or an installation of it failed. */
export class EngineError extends AdjointError {}
/** A gradient cannot be computed, or a gradient rule is wrong. */
export class GradientError extends AdjointError {}
/** A function cannot be recorded into a graph. */
export class TraceError extends AdjointError {}
/** A user's callback or function failed inside a run. */
export class CallbackError extends AdjointError {}
