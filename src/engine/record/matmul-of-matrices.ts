import { ATTRIBUTE_KINDS, type OpAttribute } from '../ffi/op-attributes.js';
import { DATA_TYPES, isFloat } from '../ffi/data-types.js';
import { sizeOf } from '../../core/shape.js';
import type { OutputSpec, RecordedGraph } from './recorded-graph.js';

/**
 * float32 products of more multiplications stay as they are. Measured on TensorFlow 2.21, 2 cores: a 784-32-10 step took 142
 * instead of 192 us as MatMul, one of eight 256 x 1024 x 1024 products 41 instead of 36 ms. In half
 * precision both take the same time, and what is fused is rounded once.
 */
const LARGE_PRODUCT = 2 ** 26;

const NAMES: Readonly<Record<string, string>> = { adj_x: 'transpose_a', adj_y: 'transpose_b' };

/**
 * Writes a batch matrix product of plain matrices as `MatMul`, which TensorFlow fuses with the bias and the activation
 * behind it; tfjs writes every product as a batch of products.
 */
export function matmulOfMatrices(graph: RecordedGraph): RecordedGraph {
  for (const node of graph.nodes) {
    const operands = node.inputs.map(({ node: input, index }) => input.outputs[index]!);
    if (node.op !== 'BatchMatMulV2') continue;
    if (!operands.every(({ type, shape }) => shape.length === 2 && (isFloat(type) || type === DATA_TYPES.int32)))
      continue;
    const [{ shape: left }, { shape: right }] = operands as [OutputSpec, OutputSpec];
    // (m k) (k n) (m n) = (m k n)^2, whichever way the two are turned.
    const product = Math.sqrt(sizeOf(left) * sizeOf(right) * sizeOf(node.outputs[0]!.shape));
    const isHalf = node.outputs[0]!.type === DATA_TYPES.bfloat16 || node.outputs[0]!.type === DATA_TYPES.float16;
    if (product > LARGE_PRODUCT && !isHalf) continue;
    node.op = 'MatMul';
    node.attributes = node.attributes
      .map((attribute): OpAttribute => ({ ...attribute, name: NAMES[attribute.name] ?? attribute.name }))
      .filter(({ name, type }) => type === ATTRIBUTE_KINDS.type || name.startsWith('transpose_'));
  }
  return graph;
}
