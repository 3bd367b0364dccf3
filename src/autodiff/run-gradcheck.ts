import { GradientError } from '../core/errors.js';
import { formatShape } from '../core/shape.js';
import { inFloat64, readFloat64 } from '../engine/float64.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { checkInputGradient } from './check-input-gradient.js';
import type { CheckOptions } from './gradcheck-options.js';
import { GradcheckReport, type GradcheckInput } from './gradcheck-report.js';
import { valueAndGradients } from './value-and-gradients.js';
import { totalOf, weightedTerms, withCotangentsKept } from './weighted-terms.js';

const DEFAULT_TOLERANCE = { float64: 1e-7, float32: 1e-3 } as const;
/** Two values of one function at one point may differ by roundings where threads sum in another order. */
const REPEATABLE = { float64: 2 ** -40, float32: 2 ** -13 } as const;
/** Below this share of the largest gradient, a float32 gradient may be nothing but rounding. */
const LEAST_SHARE = 1e-3;

/** A tensor that a function is given, and what the report calls it. */
export interface NamedTensor {
  readonly name: string;
  readonly tensor: Tensor;
}

/** A function of tensors to check, with its inputs. */
export interface GradcheckSubject {
  /** Given a tensor for each of `inputs`. */
  readonly fn: (at: readonly Tensor[]) => readonly Tensor[];
  readonly inputs: readonly NamedTensor[];
  /** How errors name the check. */
  readonly where: string;
}

/** What `gradcheck`, `gradgradcheck` and `model.gradcheck` share. */
export function runGradcheck(
  given: GradcheckSubject,
  settings: CheckOptions & { readonly compareFloat32: boolean },
): GradcheckReport {
  const { inputs, where } = given;
  const { precision } = settings;
  const tolerance = settings.tolerance ?? DEFAULT_TOLERANCE[precision];
  checkInputs(inputs, where);
  const subject = { ...given, fn: heldToShapes(given) };
  let results: GradcheckInput[] = [];
  tf.tidy(() => {
    const single = settings.compareFloat32 && precision === 'float64' ? singleGradients(subject) : undefined;
    const check = () => checkAll(subject, { ...settings, tolerance }, single);
    results = withCotangentsKept(() => (precision === 'float64' ? inFloat64(check) : check()));
  });
  const skipped = inputs.filter((input) => !isFloat(input)).map(({ name }) => name);
  const report = new GradcheckReport({ tolerance, precision, inputs: results, skipped });
  if (!report.passed && settings.throws) throw failed(report, where);
  return report;
}

function failed(report: GradcheckReport, where: string): GradientError {
  return new GradientError('gradcheck', {
    where,
    expected: `gradients within ${report.tolerance} of the differences`,
    received: report.failures.join('\n'),
  });
}

function checkAll(
  { fn, inputs, where }: GradcheckSubject,
  settings: CheckOptions & { readonly tolerance: number },
  single: readonly Tensor[] | undefined,
): GradcheckInput[] {
  const points = pointsOf(inputs);
  const valueAt = (at: readonly Tensor[]): Tensor => tf.tidy(() => totalOf(weightedTerms(fn(at))));
  const magnitude = settledMagnitude(() => weightedTerms(fn(points)), settings.precision, where);
  const chosen = inputs.flatMap((input, position) => (isFloat(input) ? [{ ...input, position }] : []));
  const gradients = gradientsBy(
    () => valueAt(points),
    chosen.map(({ position }) => points[position]!),
  );
  const norms = gradients.map((gradient) => scalarOf(() => tf.norm(gradient)));
  const least = LEAST_SHARE * Math.max(...norms);
  return chosen.map(({ name, position }, i) => {
    const point = points[position]!;
    const gradient = gradients[i]!;
    const reach = point.size === 0 ? 0 : norms[i]! * scalarOf(() => tf.max(tf.abs(point)));
    const apart = single && scalarOf(() => tf.norm(tf.sub(gradient, single[i]!)));
    return checkInputGradient(
      {
        input: name,
        point,
        gradient,
        valueAt: (moved) => valueAt(points.with(position, moved)),
        // Terms that cancel in the value leave their rounding behind: its size is that of x times the gradient, too.
        magnitude: Math.max(magnitude, Number.isFinite(reach) ? reach : 0),
        ...(apart !== undefined && { float32Error: apart === 0 ? 0 : apart / Math.max(norms[i]!, least) }),
      },
      settings,
    );
  });
}

/** Fresh tensors of the inputs' values, in the type of the scope in force. */
function pointsOf(inputs: readonly NamedTensor[]): Tensor[] {
  return inputs.map((input) => (isFloat(input) ? tf.mul(input.tensor, 1) : input.tensor));
}

function gradientsBy(value: () => Tensor, points: readonly Tensor[]): Tensor[] {
  const { gradients } = valueAndGradients(value, points);
  return gradients.map((gradient, i) => gradient ?? tf.zerosLike(points[i]!));
}

/** What the rules give in float32, to be compared with what they give in float64. */
function singleGradients({ fn, inputs }: GradcheckSubject): Tensor[] {
  const points = pointsOf(inputs);
  const chosen = points.filter((_, i) => isFloat(inputs[i]!));
  return gradientsBy(() => totalOf(weightedTerms(fn(points))), chosen);
}

/** The sum of the magnitudes of the function's terms, after it was seen to give the same twice. */
function settledMagnitude(terms: () => Tensor[], precision: 'float64' | 'float32', where: string): number {
  const [first, second] = [0, 1].map(() =>
    tf.tidy(() => {
      const made = terms();
      return [scalarOf(() => totalOf(made)), scalarOf(() => totalOf(made.map((term) => tf.abs(term))))];
    }),
  ) as unknown as [number[], number[]];
  const [value, magnitude] = first as [number, number];
  const apart = Math.abs(second[0]! - value);
  if (apart <= REPEATABLE[precision] * magnitude || !Number.isFinite(value + second[0]!)) {
    return Number.isFinite(magnitude) ? magnitude : 0;
  }
  throw new GradientError('not-deterministic', {
    where: `the function given to ${where}`,
    expected: 'the same result for the same inputs',
    received: `${value}, then ${second[0]}`,
    fix: 'pass what it draws at random as an input, or draw it by a seed',
  });
}

function scalarOf(make: () => Tensor): number {
  return tf.tidy(() => readFloat64(make())[0]!);
}

function isFloat({ tensor }: NamedTensor): boolean {
  return tensor.dtype === 'float32';
}

/** @throws GradientError [no-result] */
function checkResults(results: readonly Tensor[], where: string): void {
  if (results.length > 0) return;
  throw new GradientError('no-result', {
    where: `the function given to ${where}`,
    expected: 'a tensor to differentiate, or several',
    received: 'none',
  });
}

/** The function, held to as many results of the same shapes each time. */
export function heldToShapes({ fn, where }: Omit<GradcheckSubject, 'inputs'>): GradcheckSubject['fn'] {
  let first: string | undefined;
  return (at) => {
    const results = fn(at);
    checkResults(results, where);
    const shapes = results.map(({ shape }) => formatShape(shape)).join(', ');
    first ??= shapes;
    if (shapes === first) return results;
    throw new GradientError('not-deterministic', {
      where: `the function given to ${where}`,
      expected: `results of the same shapes each time: ${first}`,
      received: shapes,
      fix: 'let the result depend on the inputs alone',
    });
  };
}

/** @throws GradientError [disposed-input | no-float-input] */
export function checkInputs(inputs: readonly NamedTensor[], where: string): void {
  for (const { name, tensor } of inputs) {
    if (!tensor.isDisposed) continue;
    throw new GradientError('disposed-input', {
      where: `input "${name}" of ${where}`,
      expected: 'a living tensor',
      received: 'a tensor that was disposed',
      fix: 'dispose it later, or keep it with tf.keep() inside tf.tidy()',
    });
  }
  if (inputs.some(isFloat)) return;
  throw new GradientError('no-float-input', {
    where,
    expected: 'an input to differentiate by, of dtype float32',
    received: inputs.map(({ name, tensor }) => `"${name}" of dtype ${tensor.dtype}`).join(', ') || 'no input',
    fix: 'cast it to float32, or check by another input',
  });
}
