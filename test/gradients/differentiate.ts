import { abandonTape } from '../../src/autodiff/tape.js';
import { readFloat64 } from '../../src/engine/float64.js';
import { engine } from '../../src/engine/start-engine.js';
import { RecordedFunction } from '../../src/engine/record/recorded-function.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import type { TensorFunction } from './gradient-case.js';

/** Values by input, of the inputs that are differentiated by. */
export type Slopes = readonly (readonly number[])[];
export type Order = 1 | 2;

/** Powers of two, which float32 holds exactly; central differences with a Richardson step are off by about its fourth power. */
const STEP = 2 ** -10;

const isDifferentiable = ({ dtype }: Tensor): boolean => dtype === 'float32';

/** Numbers of both signs, so that errors in different elements do not cancel; exact in float32. */
function pattern(shape: readonly number[], phase: number): Tensor {
  const size = tf.util.sizeFromShape([...shape]);
  const values = Float32Array.from({ length: size }, (_, i) => Math.sin(1.3 * i + phase) + 0.25);
  return tf.tensor(values, [...shape]);
}

/** `sum(w * (y + y^2 / 2))`: not linear in y, so that the second order goes through the gradient's cotangent too. */
function scalarOf(result: Tensor | readonly Tensor[]): Tensor {
  const outputs = (Array.isArray(result) ? result : [result]) as Tensor[];
  const real = outputs.flatMap((output) =>
    output.dtype === 'complex64' ? [tf.real(output), tf.imag(output)] : [output],
  );
  const terms = real
    .filter(isDifferentiable)
    .map((y, k) => tf.sum(tf.mul(tf.add(y, tf.mul(0.5, tf.square(y))), pattern(y.shape, 0.7 + k))));
  return terms.length === 1 ? terms[0]! : tf.addN(terms);
}

const connectionOf = (input: Tensor, i: number): Tensor => pattern(input.shape, 0.1 + i);

/**
 * Gradients of a function to which a known linear term is added and taken away again: tfjs refuses to differentiate what
 * does not depend on an input, and would count a derivative that is truly zero as a failure.
 */
function gradients(value: (...at: Tensor[]) => Tensor, inputs: readonly Tensor[]): Tensor[] {
  const free = inputs.filter(isDifferentiable);
  const connected = (...at: Tensor[]): Tensor => {
    const all = inputs.map((input) => (isDifferentiable(input) ? at[free.indexOf(input)]! : input));
    return tf.addN([value(...all), ...at.map((x, i) => tf.sum(tf.mul(x, connectionOf(x, i))))]);
  };
  return tf
    .grads(connected)(free)
    .map((gradient, i) => tf.sub(gradient, connectionOf(free[i]!, i)));
}

/** The scalar whose gradient is the first order or, being a sum of gradients, the second. */
function scalarFunction(fn: TensorFunction, order: Order): (...at: Tensor[]) => Tensor {
  const value = (...at: Tensor[]): Tensor => scalarOf(fn(...at));
  if (order === 1) return value;
  return (...at) => {
    const terms = gradients(value, at).map((gradient, i) => tf.sum(tf.mul(gradient, pattern(gradient.shape, 2 + i))));
    return terms.length === 1 ? terms[0]! : tf.addN(terms);
  };
}

export function valueOf(fn: TensorFunction, inputs: readonly Tensor[]): number {
  return tf.tidy(() => scalarOf(fn(...inputs)).dataSync()[0]!);
}

/** What the rules give, op by op. */
export function eagerSlopes(fn: TensorFunction, inputs: readonly Tensor[], order: Order): Slopes {
  return withoutTape(() => read(gradients(scalarFunction(fn, order), inputs)));
}

/** What the rules give in a recorded function. */
export async function recordedSlopes(
  fn: TensorFunction,
  inputs: readonly Tensor[],
  order: Order,
  scope: <T>(body: () => T) => T,
): Promise<Slopes> {
  const step = (): Tensor[] => tf.tidy(() => gradients(scalarFunction(fn, order), inputs));
  let recorded: RecordedFunction | undefined;
  try {
    recorded = scope(() => RecordedFunction.record('slopes', inputs, step));
    const outputs = await recorded.call(inputs);
    const slopes = read(outputs);
    tf.dispose(outputs);
    return slopes;
  } finally {
    abandonTape();
    recorded?.dispose();
  }
}

/** What central differences with one Richardson step give, of the function or of its gradient. */
export function numericSlopes(fn: TensorFunction, inputs: readonly Tensor[], order: Order): Slopes {
  return withoutTape(() => {
    const scalar = scalarFunction(fn, order);
    return inputs.flatMap((input, position) => {
      if (!isDifferentiable(input)) return [];
      const valueAt = (element: number, by: number): number =>
        tf.tidy(() => {
          const shift = new Float32Array(input.size);
          shift[element] = by;
          return readFloat64(scalar(...inputs.with(position, tf.add(input, tf.tensor(shift, input.shape)))))[0]!;
        });
      const slopes = Array.from({ length: input.size }, (_, element) => {
        const slope = (step: number): number => (valueAt(element, step) - valueAt(element, -step)) / (2 * step);
        return (4 * slope(STEP / 2) - slope(STEP)) / 3;
      });
      return [slopes];
    });
  });
}

/** Names of the ops that `body` runs. */
export function opsRunBy(body: () => void): ReadonlySet<string> {
  const { backend } = engine();
  const { binding } = backend;
  const names = new Set<string>();
  const listening = Object.create(binding) as typeof binding;
  listening.executeOp = (name, ...rest) => {
    names.add(name);
    return binding.executeOp(name, ...rest);
  };
  backend.binding = listening;
  try {
    body();
  } finally {
    backend.binding = binding;
  }
  return names;
}

/** Gradients much smaller than this are compared absolutely: differences of values of size 1 are no better than 1e-12. */
const LEAST_NORM = 1e-3;

/** `||a - b|| / max(||a||, ||b||)` of the worst input; infinite where a value is not finite. */
export function relativeError(actual: Slopes, wanted: Slopes): number {
  const norm = (values: readonly number[]): number => Math.hypot(...values);
  const errors = wanted.map((b, i) => {
    const a = actual[i]!;
    const error = norm(a.map((value, k) => value - b[k]!)) / Math.max(norm(a), norm(b), LEAST_NORM);
    return Number.isFinite(error) ? error : Infinity;
  });
  return Math.max(0, ...errors);
}

function read(tensors: readonly Tensor[]): Slopes {
  return tensors.map((tensor) => Array.from(readFloat64(tensor)));
}

function withoutTape<T>(body: () => T): T {
  try {
    let result: T;
    tf.tidy(() => {
      result = body();
    });
    return result!;
  } finally {
    abandonTape();
  }
}
