const BOOL = 'the result is bool';
const INTEGER = 'the result is int32';
const NO_INPUT = 'there is no tensor to differentiate by: shape and values come from attributes';

/** Kernels that have no derivative, with the reason. */
export const EXCLUDED_KERNELS: Readonly<Record<string, string>> = {
  All: BOOL,
  Any: BOOL,
  ArgMax: INTEGER,
  ArgMin: INTEGER,
  BroadcastArgs: 'a function of shapes: inputs and result are int32',
  Equal: BOOL,
  Fill: NO_INPUT,
  Greater: BOOL,
  GreaterEqual: BOOL,
  IsFinite: BOOL,
  IsInf: BOOL,
  IsNan: BOOL,
  Less: BOOL,
  LessEqual: BOOL,
  LinSpace: NO_INPUT,
  LogicalAnd: BOOL,
  LogicalNot: BOOL,
  LogicalOr: BOOL,
  Multinomial: 'random int32 draws',
  NonMaxSuppressionV3: 'the result is int32: which boxes were chosen',
  NonMaxSuppressionV4: 'the results are int32: which boxes were chosen, and how many',
  NonMaxSuppressionV5: 'chooses boxes; TensorFlow, too, defines no derivative for the scores that are left',
  NotEqual: BOOL,
  OneHot: 'the input is int32',
  Range: NO_INPUT,
  StaticRegexReplace: 'strings',
};
