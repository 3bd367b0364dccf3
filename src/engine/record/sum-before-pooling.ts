import { DATA_TYPES } from '../ffi/data-types.js';
import type { GraphNode, RecordedGraph } from './recorded-graph.js';

/**
 * Adds up a max pooling's gradient before the pooling spreads it: each number goes to one place, the others get zeros, and
 * the sum over all places is that of the smaller tensor. In half precision the gradient of a convolution's bias is such a sum;
 * in float32 TensorFlow makes it along with the filter's.
 *
 *     db = Sum(MaxPoolGrad(x, p, dy), [0, 1, 2])
 *     db = Sum(dy, [0, 1, 2])
 */
export function sumBeforePooling(graph: RecordedGraph): RecordedGraph {
  for (const node of graph.nodes) {
    if (node.op !== 'Sum' || node.outputs[0]!.type === DATA_TYPES.float32) continue;
    const [summed, axes] = node.inputs.map((input) => input.node) as [GraphNode, GraphNode];
    if (summed.op === 'MaxPoolGrad' && hasChannelsLast(summed) && isAllButChannels(axes)) {
      node.inputs = [summed.inputs[2]!, node.inputs[1]!];
    }
  }
  return graph;
}

function hasChannelsLast({ attributes }: GraphNode): boolean {
  return attributes.every(({ name, value }) => name !== 'data_format' || value === 'NHWC');
}

function isAllButChannels({ constant }: GraphNode): boolean {
  if (constant?.type !== DATA_TYPES.int32 || !(constant.content instanceof Uint8Array)) return false;
  const axes = new Int32Array(constant.content.slice().buffer);
  return axes.length === 3 && axes.every((axis, i) => axis === i);
}
