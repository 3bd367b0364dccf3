import { formatShape } from '../core/shape.js';

/** One element of an input, as the rule and the differences see it. */
export interface GradcheckElement {
  /** Name of the input; a weight's path in `model.gradcheck`. */
  readonly input: string;
  /** Index along each axis; `[]` for a scalar, `null` for a random direction through all elements. */
  readonly element: readonly number[] | null;
  /** What the rule gives. */
  readonly analytic: number;
  /** What the differences give. */
  readonly numeric: number;
  /** `|analytic - numeric|`, relative to the norm of the input's gradient. */
  readonly error: number;
}

/** A place where the function has no derivative: its slopes to the left and to the right are not the same. */
export interface GradcheckKink {
  readonly input: string;
  /** Index along each axis; `null` for a random direction through all elements. */
  readonly element: readonly number[] | null;
  /** What the rule gives: anything from one slope to the other passes. */
  readonly analytic: number;
  readonly left: number;
  readonly right: number;
  /** Whether the function itself jumps here; such an element fails. */
  readonly jump: boolean;
}

/** Why an input failed. */
export type GradcheckProblem = 'mismatch' | 'not-finite' | 'jump' | 'float32';

/** How one input came out. */
export interface GradcheckInput {
  readonly input: string;
  readonly shape: readonly number[];
  readonly passed: boolean;
  readonly problem: GradcheckProblem | null;
  /** `||analytic - numeric|| / max(||analytic||, ||numeric||)` over what was compared; NaN where a value is not finite. */
  readonly error: number;
  /** How many elements were compared one by one. */
  readonly elements: number;
  /** How many random directions were compared, where the input was too big for all of its elements. */
  readonly directions: number;
  readonly worst: GradcheckElement;
  readonly kinks: readonly GradcheckKink[];
  /** Relative distance of the float32 gradient from the float64 one; absent where it was not asked for. */
  readonly float32Error?: number;
}

/** What a report is made from. */
export interface GradcheckFindings {
  readonly tolerance: number;
  readonly precision: 'float64' | 'float32';
  readonly inputs: readonly GradcheckInput[];
  readonly skipped: readonly string[];
  readonly regularizers?: Readonly<Record<string, string>>;
}

/**
 * What a gradient check found; `String(report)` is a table of inputs with a line for each that failed.
 *
 * When to use: `report.passed` in a test, `console.log(String(report))` to read it, `JSON.stringify(report)` to keep it.
 *
 * @example
 * ```ts
 * import { gradcheck, tf } from 'adjoint';
 *
 * const x = tf.tensor1d([0.5, 1.5]);
 * const report = gradcheck((at) => tf.exp(at), [x], { names: ['x'] });
 * console.log(report.passed, report.worst.input); // true x
 * console.log(String(report));
 * x.dispose();
 * ```
 */
export class GradcheckReport implements GradcheckFindings {
  /** Whether every input's error is within the tolerance. */
  readonly passed: boolean;
  /** The largest of the inputs' errors. */
  readonly error: number;
  /** The element that is furthest off, of an input that failed if one did. */
  readonly worst: GradcheckElement;
  /** Every kink that was met; one inside a step of the differences is stepped around and not listed. */
  readonly kinks: readonly GradcheckKink[];
  readonly tolerance: number;
  readonly precision: 'float64' | 'float32';
  readonly inputs: readonly GradcheckInput[];
  /** Inputs that cannot be differentiated by, such as int32 indices and weights that are not trained. */
  readonly skipped: readonly string[];
  /** Weights whose penalty is part of the loss that was checked, with its regularizer; for models. */
  readonly regularizers?: Readonly<Record<string, string>>;

  constructor(findings: GradcheckFindings) {
    const { inputs } = findings;
    this.passed = inputs.every(({ passed }) => passed);
    const ranked = inputs.toSorted((a, b) => rank(b) - rank(a));
    this.error = ranked[0]!.error;
    this.worst = ranked[0]!.worst;
    this.kinks = inputs.flatMap(({ kinks }) => kinks);
    this.tolerance = findings.tolerance;
    this.precision = findings.precision;
    this.inputs = inputs;
    this.skipped = findings.skipped;
    this.regularizers = findings.regularizers;
  }

  /** One line for each input that failed: the element, both values and what may be wrong. */
  get failures(): string[] {
    return this.inputs.filter(({ passed }) => !passed).map((input) => describeFailure(input, this));
  }

  toString(): string {
    const head = ['input', 'shape', 'compared', 'error', 'kinks', ...(this.inputs.some(hasFloat32) ? ['float32'] : [])];
    const rows = this.inputs.map((input) => [
      input.input,
      formatShape(input.shape),
      `${input.elements}${input.directions > 0 ? ` + ${input.directions} directions` : ''}`,
      formatError(input.error),
      String(input.kinks.length),
      ...(hasFloat32(input) ? [formatError(input.float32Error!)] : []),
      input.passed ? 'ok' : 'FAILED',
    ]);
    const table = [[...head, ''], ...rows];
    const widths = head.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
    const lines = table.map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
    const penalties = Object.entries(this.regularizers ?? {}).map(([path, name]) => `${path} (${name})`);
    if (penalties.length > 0) lines.push(`penalties in the loss: ${penalties.join(', ')}`);
    if (this.skipped.length > 0) lines.push(`not differentiated by: ${this.skipped.join(', ')}`);
    return [...lines, ...this.failures].join('\n');
  }
}

/** `kernel[2, 0]`, or what is checked where it is no element. */
function formatPlace({ input, element }: Pick<GradcheckElement, 'input' | 'element'>): string {
  if (element === null) return `input "${input}", along a random direction`;
  return `input "${input}", element ${formatShape(element)}`;
}

function formatError(error: number): string {
  return error === 0 ? '0' : error.toExponential(1);
}

function hasFloat32({ float32Error }: GradcheckInput): boolean {
  return float32Error !== undefined;
}

function rank({ passed, error }: GradcheckInput): number {
  return (passed ? 0 : 2 ** 10) + (Number.isNaN(error) ? 2 ** 10 : Math.min(error, 2 ** 9));
}

function describeFailure(input: GradcheckInput, { tolerance }: GradcheckReport): string {
  const { worst, problem } = input;
  const place = formatPlace(worst);
  const values = `rule ${formatValue(worst.analytic)}, differences ${formatValue(worst.numeric)}`;
  switch (problem) {
    case 'not-finite':
      return Number.isFinite(worst.analytic)
        ? `input "${input.input}": the function's value is not finite here or beside it`
        : `${place}: ${values}: the rule's value is not finite`;
    case 'jump':
      return `${formatPlace(input.kinks.find(({ jump }) => jump)!)}: the function jumps here; move the input away`;
    case 'float32':
      return (
        `input "${input.input}": the float32 gradient is ${formatError(input.float32Error!)} off the float64 one, ` +
        'which agrees with the differences'
      );
    default: {
      const same = ({ element }: GradcheckKink) => String(element) === String(worst.element);
      const kink = input.kinks.find(same);
      const slopes = kink && `, a kink with slopes ${formatValue(kink.left)} and ${formatValue(kink.right)}`;
      return `${place}: ${values}, relative error ${formatError(worst.error)} above ${tolerance}${slopes ?? ''}`;
    }
  }
}

function formatValue(value: number): string {
  return String(Number(value.toPrecision(10)));
}
