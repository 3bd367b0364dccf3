import { OptionsError } from '../../core/errors.js';

/**
 * In which precision an op of a mixed-precision step runs:
 *
 * - `half`: floats are brought to half precision. Products and convolutions: most of the work, and the hardware adds up
 *   their terms in float32.
 * - `follows`: in half precision where an input already is, else in float32. Ops that move, scale or gate numbers.
 * - `float32`: floats are brought to float32. What adds up many numbers, or spans a wide range.
 */
export type OpPrecision = 'half' | 'follows' | 'float32';

const HALF = [
  'BatchMatMul',
  'BatchMatMulV2',
  'BatchMatMulV3',
  'Conv2D',
  'Conv2DBackpropFilter',
  'Conv2DBackpropInput',
  'Conv3D',
  'Conv3DBackpropFilterV2',
  'Conv3DBackpropInputV2',
  'DepthwiseConv2dNative',
  'DepthwiseConv2dNativeBackpropFilter',
  'DepthwiseConv2dNativeBackpropInput',
  'Einsum',
  'MatMul',
  '_FusedConv2D',
  '_FusedMatMul',
];

const FOLLOWS = [
  'Abs',
  'Add',
  'AddN',
  'AddV2',
  'AvgPool',
  'AvgPoolGrad',
  'BatchToSpaceND',
  'BiasAdd',
  'BroadcastTo',
  'Concat',
  'ConcatV2',
  'DepthToSpace',
  'Elu',
  'EluGrad',
  'ExpandDims',
  'FusedBatchNormGradV3',
  'FusedBatchNormV3',
  'GatherV2',
  'Identity',
  'LeakyRelu',
  'LeakyReluGrad',
  'MaxPool',
  'MaxPoolGrad',
  'MaxPoolV2',
  'Maximum',
  'Minimum',
  'MirrorPad',
  'Mul',
  'MulNoNan',
  'Neg',
  'OnesLike',
  'Pack',
  'Pad',
  'PadV2',
  'Relu',
  'Relu6',
  'Relu6Grad',
  'ReluGrad',
  'Reshape',
  'ReverseV2',
  'Select',
  'SelectV2',
  'Selu',
  'SeluGrad',
  'Sigmoid',
  'SigmoidGrad',
  'Slice',
  'SpaceToBatchND',
  'SpaceToDepth',
  'Split',
  'SplitV',
  'Squeeze',
  'StridedSlice',
  'Sub',
  'Tanh',
  'TanhGrad',
  'Tile',
  'Transpose',
  'Unpack',
  'ZerosLike',
];

const table: ReadonlyMap<string, OpPrecision> = new Map([
  ...HALF.map((op) => [op, 'half'] as const),
  ...FOLLOWS.map((op) => [op, 'follows'] as const),
]);

/** What {@link setOpPrecision} said, which goes before the table and before what is known of a device. */
const rulesOfUser = new Map<string, OpPrecision>();

/** Inputs and attributes that are float32 also where the op's first input is not: statistics and what scales them. */
const FLOAT32_PARTS: Readonly<Record<string, { readonly inputs: readonly number[]; readonly attribute: string }>> = {
  FusedBatchNormV3: { inputs: [1, 2, 3, 4], attribute: 'U' },
  FusedBatchNormGradV3: { inputs: [2, 3, 4, 5], attribute: 'U' },
};

/** What of a half-precision op stays in float32. */
export function float32PartsOf(
  op: string,
): { readonly inputs: readonly number[]; readonly attribute: string } | undefined {
  return FLOAT32_PARTS[op];
}

/**
 * In which precision a TensorFlow op runs in a mixed-precision step; what the table does not name runs in float32.
 *
 * @param op - TensorFlow's name of the op: `Conv2D`
 *
 * @example
 * ```ts
 * import { opPrecision } from 'adjoint';
 *
 * console.log(['Conv2D', 'Relu', 'Softmax'].map(opPrecision)); // ['half', 'follows', 'float32']
 * ```
 */
export function opPrecision(op: string): OpPrecision {
  return rulesOfUser.get(op) ?? table.get(op) ?? 'float32';
}

/** What `setOpPrecision` says of an op, `undefined` where nothing. */
export function ruleOfUser(op: string): OpPrecision | undefined {
  return rulesOfUser.get(op);
}

/** All ops that the table names, by its word for them, each list in alphabetical order. */
export function precisionTable(): Readonly<Record<'half' | 'follows', readonly string[]>> {
  return { half: HALF, follows: FOLLOWS };
}

/**
 * Says in which precision a TensorFlow op runs in mixed-precision steps, in the place of the table's word for it.
 *
 * When to use: for an op that you run with a kernel of your own, or one whose half-precision kernel is slow on your device.
 * The table is the process's; steps that are recorded already stay as they are.
 *
 * @param op - TensorFlow's name of the op: `Erf`
 * @returns an object whose `remove()` brings back what was in force before
 * @throws OptionsError [invalid-option]
 *
 * @example
 * ```ts
 * import { opPrecision, setOpPrecision } from 'adjoint';
 *
 * const rule = setOpPrecision('Erf', 'follows');
 * console.log(opPrecision('Erf')); // follows
 * rule.remove();
 * console.log(opPrecision('Erf')); // float32
 * ```
 */
export function setOpPrecision(op: string, precision: OpPrecision): { remove(): void } {
  if (typeof op !== 'string' || op === '') {
    throw new OptionsError('invalid-option', {
      where: 'setOpPrecision',
      expected: "the name of a TensorFlow op, e.g. 'Erf'",
      received: String(op),
    });
  }
  if (!['half', 'follows', 'float32'].includes(precision)) {
    throw new OptionsError('invalid-option', {
      where: `setOpPrecision of op "${op}"`,
      expected: "'half', 'follows' or 'float32'",
      received: String(precision),
    });
  }
  const before = rulesOfUser.get(op);
  rulesOfUser.set(op, precision);
  return {
    remove: () => {
      if (before === undefined) rulesOfUser.delete(op);
      else rulesOfUser.set(op, before);
    },
  };
}
