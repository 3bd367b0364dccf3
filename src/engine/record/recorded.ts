import { OptionsError } from '../../core/errors.js';
import { formatValue } from '../../core/format-value.js';
import { consoleLogger } from '../../core/logger.js';
import { startEngine } from '../start-engine.js';
import { tf, type Tensor } from '../tfjs.js';
import { argumentCopies } from './argument-copies.js';
import { RecordedFunction } from './recorded-function.js';
import { RecordingWatch } from './recording-watch.js';

/** What a recorded function may return. */
export type TensorResult = Tensor | readonly Tensor[] | Readonly<Record<string, Tensor>>;

/** A function that was given to {@link recorded}. */
export interface Recorded<Inputs extends readonly Tensor[], Result extends TensorResult> {
  /** Runs it; the caller owns the resulting tensors, and the inputs stay the caller's. */
  (...inputs: Inputs): Promise<Result>;
  /** How many recordings there are: one for each combination of the inputs' shapes and dtypes. */
  readonly recordings: number;
  /** Frees the recordings; a later call records anew. */
  dispose(): void;
  [Symbol.dispose](): void;
}

interface Recording {
  readonly recorded: RecordedFunction;
  readonly unpack: (tensors: Tensor[]) => TensorResult;
}

/**
 * Makes a function of tensors that is run once op by op, written down, and from then on run by TensorFlow as one graph.
 *
 * When to use: for a computation of your own that is run many times, such as a training step written by hand. Variables
 * that it reads or writes are the same as outside. Values that JavaScript computes while it is recorded (a random number, a counter, a
 * learning rate) are baked in: pass them as tensors, or keep them in a `Variable`.
 *
 * @param fn - uses its inputs, variables and constants, and reads no value on the host; tensors that it makes inside and
 *   does not return are disposed
 * @throws TraceError at the first call, where `fn` does what cannot be recorded
 * @throws OptionsError [recorded-argument] where an argument is not a tensor
 *
 * @example
 * ```ts
 * import { recorded, tf } from 'adjoint';
 *
 * const distance = recorded((a, b) => tf.norm(tf.sub(a, b)));
 * const result = await distance(tf.tensor1d([3, 0]), tf.tensor1d([0, 4]));
 * console.log(result.dataSync()[0]); // 5
 * distance.dispose();
 * ```
 */
export function recorded<Inputs extends readonly Tensor[], Result extends TensorResult>(
  fn: (...inputs: Inputs) => Result,
): Recorded<Inputs, Result> {
  if (typeof fn !== 'function') {
    throw new OptionsError('recorded-argument', {
      where: 'recorded()',
      expected: 'a function of tensors',
      received: formatValue(fn),
    });
  }
  const name = fn.name === '' ? 'recorded' : fn.name;
  const recordings = new Map<string, Recording>();
  const watch = new RecordingWatch(() => `recorded function "${name}"`, consoleLogger);

  const run = async (...inputs: Inputs): Promise<Result> => {
    startEngine();
    inputs.forEach((input, i) => checkTensor(input, `argument ${i} of recorded function "${name}"`));
    const signature = inputs.map(({ dtype, shape }) => `${dtype}[${shape.join(',')}]`).join(' ');
    let recording = recordings.get(signature);
    const named = Object.fromEntries(inputs.map((input, i) => [`argument ${i}`, input]));
    watch.step(name, named, recording === undefined);
    if (recording === undefined) {
      recording = record(name, fn, inputs);
      recordings.set(signature, recording);
    }
    return recording.unpack(await recording.recorded.call(inputs)) as Result;
  };
  const dispose = (): void => {
    for (const recording of recordings.values()) recording.recorded.dispose();
    recordings.clear();
  };
  Object.defineProperty(run, 'recordings', { get: () => recordings.size });
  return Object.assign(run, { dispose, [Symbol.dispose]: dispose }) as Recorded<Inputs, Result>;
}

function record<Inputs extends readonly Tensor[]>(
  name: string,
  fn: (...inputs: Inputs) => TensorResult,
  inputs: Inputs,
): Recording {
  let unpack: Recording['unpack'] | undefined;
  // Clones and reshapes share their data: only copies can be told apart.
  const copies = argumentCopies(inputs);
  const write = (): Tensor[] => {
    const result = tf.tidy(() => refusePromise(name, fn(...(copies as unknown as Inputs))) as Tensor[]) as TensorResult;
    // Nobody awaits it, and what it may fail with would end the process.
    if (result instanceof Promise) result.catch(() => {});
    if (typeof result !== 'object' || result === null || result instanceof tf.Tensor || result instanceof Promise) {
      checkTensor(result, `the result of recorded function "${name}"`);
      unpack = ([only]) => only!;
      return [result];
    }
    const keys = Object.keys(result);
    const values = Object.values(result) as Tensor[];
    for (const value of values) checkTensor(value, `the result of recorded function "${name}"`);
    unpack = Array.isArray(result)
      ? (tensors) => tensors
      : (tensors) => Object.fromEntries(keys.map((key, i) => [key, tensors[i]!]));
    return values;
  };
  try {
    return { recorded: RecordedFunction.record(name, copies, write), unpack: unpack! };
  } finally {
    tf.dispose(copies);
  }
}

function refusePromise<T>(name: string, result: T): T {
  if (!(result instanceof Promise)) return result;
  // Nobody awaits it, and what it may fail with would end the process.
  result.catch(() => {});
  throw new OptionsError('recorded-async', {
    where: `recorded function "${name}"`,
    expected: 'a synchronous function',
    received: 'one that returns a promise',
    fix: 'write it without async and await; the recorded function itself returns a promise',
  });
}

function checkTensor(value: unknown, where: string): asserts value is Tensor {
  if (value instanceof tf.Tensor) return;
  throw new OptionsError('recorded-argument', {
    where,
    expected: 'a tensor',
    received: formatValue(value),
    fix: 'wrap a number as tf.scalar(value): it is then fed at each call instead of being baked in',
  });
}
