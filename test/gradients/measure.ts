import { inFloat64 } from '../../src/engine/float64.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import {
  eagerSlopes,
  numericSlopes,
  opsRunBy,
  recordedSlopes,
  relativeError,
  valueOf,
  type Order,
  type Slopes,
} from './differentiate.js';
import type { GradientCase, TensorFunction } from './gradient-case.js';

/** Where all kernels are double: differences are good to about 1e-10, and a wrong rule is off by far more. */
const FLOAT64_TOLERANCE = 1e-7;
/** A native float32 kernel against double precision: sums of some ten terms, each rounded by 6e-8. */
const FLOAT32_TOLERANCE = 2e-5;

export const CLASSES = {
  float64: { tolerance: FLOAT64_TOLERANCE, meaning: 'every op has a double kernel: rule against differences' },
  'float32 against composed reference': {
    tolerance: FLOAT32_TOLERANCE,
    meaning:
      'a kernel has no double version: a reference composed of ops that have one is checked against differences within ' +
      `${FLOAT64_TOLERANCE}, and the rule in float32 against the reference`,
  },
} as const;
export type PrecisionClass = keyof typeof CLASSES;

/** One order in one way of running; a text is what was thrown, `null` a refusal that was expected. */
export type Outcome = number | string | null;

export interface OrderOutcome {
  readonly eager: Outcome;
  readonly recorded: Outcome;
}

/** What the other process needs: the point, and what is right there. */
export interface Truth {
  /** Of the scalar that is differentiated. */
  readonly value: number;
  readonly inputs: readonly { readonly values: number[]; readonly shape: number[]; readonly dtype: string }[];
  readonly slopes: readonly [Slopes | null, Slopes | null];
}

export interface Measured {
  readonly precision: PrecisionClass;
  readonly first: OrderOutcome;
  readonly second: OrderOutcome;
  readonly truth: Truth;
}

const ORDERS: readonly Order[] = [1, 2];
const plainScope = <T>(body: () => T): T => body();

/** Checks a case by the rules that are in force, eagerly and recorded. */
export async function measure(gradientCase: GradientCase): Promise<Measured> {
  const { fn } = gradientCase;
  const inputs = madeOnce(gradientCase.inputs);
  const wide = inFloat64(() => widen(inputs));
  try {
    const precision = classOf(fn, inputs, wide);
    const scope = precision === 'float64' ? inFloat64 : plainScope;
    const at = precision === 'float64' ? wide : inputs;
    const reference = precision === 'float64' ? fn : (gradientCase.reference ?? fn);
    const outcomes: OrderOutcome[] = [];
    const slopes: (Slopes | null)[] = [];
    for (const order of ORDERS) {
      const { truth, problem } = truthOf(fn, reference, wide, order, precision);
      slopes.push(truth);
      const compare = (actual: Slopes): Outcome => problem ?? relativeError(actual, truth!);
      outcomes.push({
        eager: await attempt(() => compare(scope(() => eagerSlopes(fn, at, order)))),
        recorded: expectedRefusal(
          await attempt(async () => compare(await recordedSlopes(fn, at, order, scope))),
          gradientCase,
        ),
      });
    }
    const [first, second] = outcomes as [OrderOutcome, OrderOutcome];
    return {
      precision,
      first,
      second,
      truth: {
        value: valueOf(fn, inputs),
        inputs: inputs.map(dataOf),
        slopes: [slopes[0]!, slopes[1]!],
      },
    };
  } finally {
    tf.dispose([inputs, wide]);
  }
}

/** Checks what plain tfjs gives against what is known to be right. */
export async function measurePlain(
  fn: TensorFunction,
  { value, inputs: data, slopes }: Truth,
): Promise<readonly [Outcome, Outcome]> {
  const inputs = data.map(({ values, shape, dtype }) => tf.tensor(values, shape, dtype as 'float32'));
  const wide = inFloat64(() => widen(inputs));
  try {
    const ownValue = valueOf(fn, inputs);
    if (!(Math.abs(ownValue - value) <= FLOAT32_TOLERANCE * Math.max(1, Math.abs(value)))) {
      throw new Error(`not the same function: ${ownValue} in tfjs, ${value} in Adjoint`);
    }
    const outcomes: Outcome[] = [];
    for (const order of ORDERS) {
      const truth = slopes[order - 1]!;
      const outcome = await attempt(() => {
        const slopesInDouble = double(() => eagerSlopes(fn, wide, order));
        const actual = slopesInDouble ?? eagerSlopes(fn, inputs, order);
        if (truth === null) throw new Error('no reference');
        return relativeError(actual, truth);
      });
      outcomes.push(outcome);
    }
    return [outcomes[0]!, outcomes[1]!];
  } finally {
    tf.dispose([inputs, wide]);
  }
}

export function isRight(outcome: Outcome, precision: PrecisionClass): boolean {
  return outcome === null || (typeof outcome === 'number' && outcome <= CLASSES[precision].tolerance);
}

function expectedRefusal(outcome: Outcome, { refusedRecorded }: GradientCase): Outcome {
  if (refusedRecorded === undefined) return outcome;
  if (typeof outcome === 'string' && outcome.includes(`[${refusedRecorded}]`)) return null;
  return `not refused as ${refusedRecorded}, but ${outcome}`;
}

/** In double: differences. Where only the reference is double, its gradient, which has to agree with the differences. */
function truthOf(
  fn: TensorFunction,
  reference: TensorFunction,
  wide: readonly Tensor[],
  order: Order,
  precision: PrecisionClass,
): { truth: Slopes | null; problem?: string } {
  try {
    return inFloat64(() => {
      const numeric = numericSlopes(reference, wide, order);
      if (precision === 'float64') return { truth: numeric };
      const truth = eagerSlopes(reference, wide, order);
      const error = relativeError(truth, numeric);
      if (!(error <= FLOAT64_TOLERANCE)) return { truth: null, problem: `the reference is ${error} off` };
      // What stands in for the kernel in double precision, if anything does, has the rule that the kernel has.
      const standIn = double(() => eagerSlopes(fn, wide, order));
      const standInError = standIn === null ? 0 : relativeError(standIn, truth);
      return standInError <= FLOAT64_TOLERANCE ? { truth } : { truth, problem: `in double ${standInError} off` };
    });
  } catch (error) {
    return { truth: null, problem: `no differences: ${messageOf(error)}` };
  }
}

/** Single precision matters where it runs a kernel that double precision cannot run, or goes around. */
function classOf(fn: TensorFunction, inputs: readonly Tensor[], wide: readonly Tensor[]): PrecisionClass {
  let withoutDouble = false;
  const opsAt = (at: readonly Tensor[]): ReadonlySet<string> =>
    opsRunBy(() => {
      try {
        for (const order of ORDERS) eagerSlopes(fn, at, order);
      } catch (error) {
        // Anything else fails in both precisions after the same ops, and is reported where it is measured.
        withoutDouble ||= lacksDouble(error);
      }
    });
  const single = opsAt(inputs);
  const double = inFloat64(() => opsAt(wide));
  const goneAround = [...single].some((op) => !double.has(op));
  return withoutDouble || goneAround ? 'float32 against composed reference' : 'float64';
}

function lacksDouble(error: unknown): boolean {
  return (error as { kind?: string }).kind === 'no-float64-kernel';
}

/** `null` where an op has no double kernel. */
function double(body: () => Slopes): Slopes | null {
  try {
    return inFloat64(body);
  } catch (error) {
    if (lacksDouble(error)) return null;
    throw error;
  }
}

async function attempt(body: () => Outcome | Promise<Outcome>): Promise<Outcome> {
  try {
    return await body();
  } catch (error) {
    return messageOf(error);
  }
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).trim().split('\n').slice(0, 4).join(' ');
}

/** The inputs, kept; whatever else was made for them is not. */
function madeOnce(make: () => Tensor[]): Tensor[] {
  return tf.tidy(() => make() as unknown as tf.TensorContainer) as unknown as Tensor[];
}

/** The same numbers in the double scope; integers and bools as they are. */
function widen(inputs: readonly Tensor[]): Tensor[] {
  return tf.tidy(() =>
    inputs.map((input) => (input.dtype === 'float32' ? tf.add(input, 0) : input.clone())),
  ) as unknown as Tensor[];
}

function dataOf(input: Tensor): Truth['inputs'][number] {
  return { values: Array.from(input.dataSync()), shape: [...input.shape], dtype: input.dtype };
}
