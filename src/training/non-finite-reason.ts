import type { Phase } from '../core/path-scope.js';
import type { ValueStatistics } from './value-statistics.js';

/** Why an op made a non-finite value, in words, and what helps. */
export interface NonFiniteReason {
  readonly reason: string;
  readonly fix: string;
}

/** What is known of the op. */
export interface FaultyOp {
  readonly op: string;
  readonly phase: Phase;
  readonly inputs: readonly ValueStatistics[];
  readonly output: ValueStatistics;
  /** The op of the forward pass whose gradient it belongs to, where that is infinite somewhere; else `''`. */
  readonly differentiated: string;
  /** Of the optimizer, in the update. */
  readonly learningRate: number | undefined;
}

/** Largest finite numbers. */
const RANGES: Readonly<Record<string, number>> = {
  float16: 65504,
  bfloat16: 3.39e38,
  float32: 3.4e38,
  float64: Number.MAX_VALUE,
};
/** A weight or gradient beyond this comes from a run that diverged, or from a rate that is meant to be smaller. */
const MUCH = 1e18;

const EPSILON = 'add a small number before it: tf.add(x, 1e-7)';

/** The likely reason, from the op and from what it was given. */
export function reasonOf(fault: FaultyOp): NonFiniteReason {
  const { op, inputs } = fault;
  const infinite = inputs.some((input) => input.infinite > 0);
  const rule = infinite ? ofInfinities(fault) : RULES.find(([pattern]) => pattern.test(op))?.[1](fault);
  return rule ?? (fault.phase === 'update' ? ofUpdate(fault) : ofRange(fault));
}

type Rule = (fault: FaultyOp) => NonFiniteReason | undefined;

const RULES: readonly (readonly [RegExp, Rule])[] = [
  [/^Log$/, ({ inputs: [x] }) => (x!.min < 0 ? negativeLog(x!) : zeroLog(x!))],
  [
    /^Log1p$/,
    ({ inputs: [x] }) => ({
      reason: `log(1 + x) of an x of ${number(x!.min)}: it needs an x above -1`,
      fix: 'clip x from below: tf.maximum(x, -0.999)',
    }),
  ],
  [/^(RealDiv|Div|Reciprocal|Inv|Xdivy|FloorDiv|Mod|FloorMod)$/, division],
  [
    /^Rsqrt$/,
    ({ inputs: [x] }) =>
      x!.min < 0
        ? negativeRoot(x!)
        : {
            reason: `1 / sqrt(0): ${count(x!.zeros, x!)} of the input are 0`,
            fix: 'give it an epsilon: 1 / sqrt(x + 1e-3)',
          },
  ],
  [/^Sqrt$/, ({ inputs: [x] }) => negativeRoot(x!)],
  [/^(SqrtGrad|RsqrtGrad)$/, () => ROOT_AT_ZERO],
  [/^ReciprocalGrad|InvGrad$/, () => ({ reason: 'the gradient of 1 / x at 0', fix: EPSILON })],
  [
    /^(Exp|Expm1|Sinh|Cosh)$/,
    ({ op, inputs: [x], output }) => ({
      reason: `overflow of ${op.toLowerCase()}: it was given up to ${number(largest(x!))}, and ${output.dtype} ends at ${op.toLowerCase()}(${
        output.dtype === 'float16' ? '11.1' : '88.7'
      })`,
      fix: 'subtract the largest value first, as tf.logSumExp and tf.softmax do, or clip: tf.minimum(x, 80)',
    }),
  ],
  [
    /^Pow$/,
    ({ inputs: [base, exponent], output }) => {
      if (base!.min < 0 && output.nan > 0) {
        return {
          reason: `a negative base, down to ${number(base!.min)}, to a power that is no whole number`,
          fix: 'take the power of tf.abs(x), or clip the base to 0 from below',
        };
      }
      if (base!.zeros > 0 && exponent!.min < 0) {
        return { reason: `0 to a negative power, ${number(exponent!.min)}`, fix: EPSILON };
      }
      return undefined;
    },
  ],
  [/^(Acos|Asin|Atanh)$/, outsideOne],
  [
    /^Acosh$/,
    ({ inputs: [x] }) => ({ reason: `acosh of ${number(x!.min)}: it needs 1 or more`, fix: 'clip: tf.maximum(x, 1)' }),
  ],
  [/^(FusedBatchNorm|BatchNorm)/, batchNorm],
  [
    /^(Digamma|Lgamma)$/,
    ({ op, inputs: [x] }) => ({
      reason: `${op.toLowerCase()} has a pole at 0 and at each negative whole number, and was given ${number(x!.min)}`,
      fix: 'keep its input above 0',
    }),
  ],
];

const ROOT_AT_ZERO: NonFiniteReason = {
  reason: 'the gradient of sqrt at 0 is infinite; norms and distances of equal points have it, too',
  fix: 'take the root of x + 1e-12, or choose with tf.where before the root: tf.sqrt(tf.where(x > 0, x, 1))',
};

function zeroLog(x: ValueStatistics): NonFiniteReason {
  return {
    reason: `log of 0: ${count(x.zeros, x)} of the input are 0`,
    fix: 'compute from logits, or add a small number: tf.log(tf.add(x, 1e-7))',
  };
}

function negativeLog(x: ValueStatistics): NonFiniteReason {
  return { reason: `log of a negative number, down to ${number(x.min)}`, fix: 'clip from below: tf.maximum(x, 1e-7)' };
}

function negativeRoot(x: ValueStatistics): NonFiniteReason {
  return { reason: `sqrt of a negative number, down to ${number(x.min)}`, fix: 'clip to 0 from below: tf.relu(x)' };
}

function outsideOne({ op, inputs: [x] }: FaultyOp): NonFiniteReason {
  return {
    reason: `${op.toLowerCase()} of numbers from ${number(x!.min)} to ${number(x!.max)}: it needs -1 to 1${op === 'Atanh' ? ', both excluded' : ''}`,
    fix: 'clip just inside: tf.clipByValue(x, -1 + 1e-6, 1 - 1e-6)',
  };
}

function batchNorm({ op, inputs }: FaultyOp): NonFiniteReason | undefined {
  if (inputs.some((input) => largest(input) > MUCH)) return undefined;
  return {
    reason: `${op.includes('Grad') ? 'the gradient of a normalisation' : 'a normalisation'} of a channel whose values are all the same: its variance is 0`,
    fix: 'give the layer an epsilon above 0, and batches of more than one example',
  };
}

const SLOPES: Readonly<Record<string, (divisor: ValueStatistics) => NonFiniteReason>> = {
  Sqrt: () => ROOT_AT_ZERO,
  Rsqrt: () => ROOT_AT_ZERO,
  Log: (divisor) => ({
    reason: `the gradient of ${zeroLog(divisor).reason}`,
    fix: 'choose before the log, where tf.where behind it comes too late: tf.log(tf.where(x > 0, x, 1))',
  }),
  Acos: () => slopeAtOne('acos'),
  Asin: () => slopeAtOne('asin'),
  Atanh: () => slopeAtOne('atanh'),
  Acosh: () => ({ reason: 'the gradient of acosh at 1 is infinite', fix: 'clip just inside: tf.maximum(x, 1 + 1e-6)' }),
};

function slopeAtOne(name: string): NonFiniteReason {
  const fix = 'clip just inside: tf.clipByValue(x, -1 + 1e-6, 1 - 1e-6)';
  return { reason: `the gradient of ${name} at 1 and at -1 is infinite`, fix };
}

function division({ op, inputs, differentiated }: FaultyOp): NonFiniteReason | undefined {
  const divisor = inputs[op === 'Reciprocal' || op === 'Inv' ? 0 : 1];
  if (divisor === undefined || divisor.zeros === 0) return undefined;
  const slope = SLOPES[differentiated]?.(divisor);
  if (slope !== undefined) return slope;
  const both = inputs.length > 1 && inputs[0]!.zeros === size(inputs[0]!);
  return {
    reason: `division ${both ? 'of 0 ' : ''}by 0: ${count(divisor.zeros, divisor)} of the divisor are 0`,
    fix: 'use tf.divNoNan(a, b), or add a small number to the divisor',
  };
}

function ofInfinities({ op, inputs, output }: FaultyOp): NonFiniteReason | undefined {
  if (output.nan === 0) return undefined;
  const fix = 'use a large finite number, such as -1e9, in the place of the infinity';
  if (/^(Mul|MatMul|BatchMatMul|Conv)/.test(op)) return { reason: '0 times infinity', fix };
  if (/^(Add|Sub|AddV2|Sum|Mean|BiasAdd|AddN)/.test(op)) return { reason: 'infinity minus infinity', fix };
  if (/Div/.test(op)) return { reason: 'infinity by infinity', fix };
  if (/Softmax/.test(op)) return { reason: 'a row of which every entry is minus infinity: all of it is masked', fix };
  return { reason: `${op} of ${inputs.reduce((sum, { infinite }) => sum + infinite, 0)} infinities`, fix };
}

function ofUpdate(fault: FaultyOp): NonFiniteReason {
  const { inputs, learningRate, op } = fault;
  if (
    learningRate !== undefined &&
    (/^ResourceApply|^Mul$|^Assign/.test(op) || inputs.some((x) => largest(x) > MUCH))
  ) {
    return {
      reason: `the update leaves the range of ${fault.output.dtype}: the learning rate is ${number(learningRate)} and what it is applied to goes up to ${number(
        Math.max(...inputs.filter(({ name }) => name !== 'learning rate').map(largest)),
      )}`,
      fix: 'lower the learning rate, or clip gradients: compile({ clip: { globalNorm: 1 } })',
    };
  }
  return ofRange(fault);
}

function ofRange({ op, phase, inputs, output }: FaultyOp): NonFiniteReason {
  const { dtype } = output;
  const most = Math.max(...inputs.filter((input) => dtype in RANGES && input.dtype in RANGES).map(largest), 0);
  const limit = RANGES[dtype] ?? Infinity;
  const end = dtype === 'float16' ? 'numbers above 65504' : `numbers above ${limit.toExponential(1)}`;
  const half = dtype === 'float16' || dtype === 'bfloat16';
  if (most > Math.sqrt(limit) / 100 || (half && most > 100)) {
    return {
      reason: `overflow: ${op} of numbers up to ${number(most)} leaves the range of ${dtype}, which has no ${end}`,
      fix: half
        ? `scale the inputs down, run this layer in float32, or use ${dtype === 'float16' ? 'mixed_bfloat16, which has the range of float32' : 'float32'}`
        : phase === 'forward'
          ? 'normalise the inputs, and lower the learning rate if the numbers grew during training'
          : 'clip gradients, and lower the learning rate if the numbers grew during training',
    };
  }
  return {
    reason: `${op} makes ${output.nan > 0 ? 'NaN' : 'infinity'} of finite numbers up to ${number(most)}`,
    fix: 'look at what this op does with the inputs listed above',
  };
}

/** Largest absolute value among the finite ones. */
function largest({ min, max }: ValueStatistics): number {
  return Number.isNaN(min) ? 0 : Math.max(Math.abs(min), Math.abs(max));
}

function size({ shape }: ValueStatistics): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

function count(some: number, x: ValueStatistics): string {
  return `${some} of ${size(x)} numbers`;
}

/** Four digits. */
function number(value: number): string {
  return Number.isNaN(value) ? 'none' : String(Number(value.toPrecision(4)));
}
