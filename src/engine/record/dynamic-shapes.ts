import type { OpAttribute } from '../ffi/op-attributes.js';

const DYNAMIC = new Set([
  ...['Where', 'Unique', 'UniqueV2', 'UniqueWithCounts', 'UniqueWithCountsV2', 'ListDiff', 'DynamicPartition'],
  ...['NonMaxSuppression', 'NonMaxSuppressionV2', 'NonMaxSuppressionV3', 'NonMaxSuppressionV5', 'SparseFillEmptyRows'],
  ...['StringSplit', 'StringSplitV2', 'StringNGrams', 'RaggedGather', 'RaggedRange', 'RaggedTensorToTensor'],
]);

/** Whether the shape of the op's result depends on the values of its inputs: what follows would have it baked in. */
export function hasDynamicShape(op: string, attributes: readonly OpAttribute[]): boolean {
  if (op !== 'NonMaxSuppressionV4') return DYNAMIC.has(op);
  return !attributes.some(({ name, value }) => name === 'pad_to_max_output_size' && value === true);
}
