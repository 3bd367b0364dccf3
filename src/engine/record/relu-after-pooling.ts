import type { GraphNode, GraphOutput, RecordedGraph } from './recorded-graph.js';

/**
 * Moves a relu from before a max pooling to behind it: the two commute, and relu and its gradient then run on a smaller
 * tensor. Only where nothing but the pooling and the two gradients reads the relu.
 *
 *     p = MaxPool(Relu(x)); dx = ReluGrad(MaxPoolGrad(r, p, dy), r)
 *     q = MaxPool(x); p = Relu(q); dx = MaxPoolGrad(x, q, ReluGrad(dy, p))
 */
export function reluAfterPooling(graph: RecordedGraph): RecordedGraph {
  const readers = readersOf(graph);
  const results = new Set(graph.results.map(({ node }) => node));
  let nodes = graph.nodes;
  for (const relu of graph.nodes) {
    if (relu.op !== 'Relu' || results.has(relu)) continue;
    const pool = onlyReader(readers, relu, 'MaxPool');
    if (pool === undefined) continue;
    const poolGradient = onlyReader(readers, relu, 'MaxPoolGrad');
    const reluGradient = onlyReader(readers, relu, 'ReluGrad');
    const others = (readers.get(relu) ?? []).filter((node) => ![pool, poolGradient, reluGradient].includes(node));
    const chained =
      (poolGradient === undefined && reluGradient === undefined) ||
      (poolGradient !== undefined &&
        poolGradient.inputs[0]!.node === relu &&
        poolGradient.inputs[1]!.node === pool &&
        reluGradient?.inputs[0]!.node === poolGradient &&
        reluGradient.inputs[1]!.node === relu &&
        !results.has(poolGradient) &&
        readers.get(poolGradient)!.length === 1);
    if (others.length > 0 || !chained) continue;
    nodes = swap(nodes, relu, pool, poolGradient, reluGradient);
  }
  return { ...graph, nodes };
}

/** Makes the pooling the relu and the relu the pooling, in place: who read the pair's end still does. */
function swap(
  nodes: readonly GraphNode[],
  relu: GraphNode,
  pool: GraphNode,
  poolGradient: GraphNode | undefined,
  reluGradient: GraphNode | undefined,
): readonly GraphNode[] {
  const x = relu.inputs[0]!;
  exchange(relu, pool);
  // `relu` is the pooling now and comes first, `pool` is the relu.
  relu.inputs = [x];
  relu.outputs = pool.outputs;
  pool.inputs = [{ node: relu, index: 0 }];
  if (poolGradient === undefined || reluGradient === undefined) return nodes;
  const dy: GraphOutput = poolGradient.inputs[2]!;
  exchange(poolGradient, reluGradient);
  // `poolGradient` is the relu's gradient now and comes first.
  poolGradient.inputs = [dy, { node: pool, index: 0 }];
  poolGradient.outputs = pool.outputs;
  reluGradient.inputs = [x, { node: relu, index: 0 }, { node: poolGradient, index: 0 }];
  return nodes;
}

function exchange(a: GraphNode, b: GraphNode): void {
  [a.op, b.op] = [b.op, a.op];
  [a.attributes, b.attributes] = [b.attributes, a.attributes];
  [a.path, b.path] = [b.path, a.path];
}

function readersOf(graph: RecordedGraph): Map<GraphNode, GraphNode[]> {
  const readers = new Map<GraphNode, GraphNode[]>();
  for (const node of graph.nodes) {
    for (const input of new Set(node.inputs.map((output) => output.node))) {
      const list = readers.get(input);
      if (list === undefined) readers.set(input, [node]);
      else list.push(node);
    }
  }
  return readers;
}

function onlyReader(readers: Map<GraphNode, GraphNode[]>, node: GraphNode, op: string): GraphNode | undefined {
  const found = (readers.get(node) ?? []).filter((reader) => reader.op === op);
  return found.length === 1 ? found[0] : undefined;
}
