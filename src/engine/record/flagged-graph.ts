import { attribute } from '../attribute.js';
import { AS_WRITTEN, encodeConfigProto } from '../config-proto.js';
import { DATA_TYPES } from '../ffi/data-types.js';
import { engine } from '../start-engine.js';
import type { Tensor } from '../tfjs.js';
import {
  ALL_FINITE,
  canBeNonFinite,
  handlesOf,
  slotsOf,
  type FlaggedRun,
  type NodeValue,
  type Place,
} from './node-values.js';
import { hasEffect, type GraphNode, type GraphOutput, type RecordedGraph } from './recorded-graph.js';
import { runOnCopies, type CopiesSession, type OtherValues } from './run-on-copies.js';

/** A graph that tells of each of its values whether it is finite; it runs on copies of the variables. */
export class FlaggedGraph {
  private constructor(
    private readonly graph: RecordedGraph,
    private readonly plan: FlagPlan,
    private readonly copies: CopiesSession,
  ) {}

  /**
   * Lets `use` run the graph node by node as it is written, with copies of the variables' values.
   *
   * @param graph - nobody else may use it: edges are added to it
   * @param others - what copies hold in the place of the variables' values
   */
  static use<T>(
    name: string,
    graph: RecordedGraph,
    others: OtherValues,
    use: (flagged: FlaggedGraph) => Promise<T>,
  ): Promise<T> {
    const plan = planFlags(graph);
    const whole = { ...graph, nodes: [...graph.nodes, ...plan.added] };
    const config = encodeConfigProto({ graphOptions: AS_WRITTEN });
    return runOnCopies(name, whole, (copies) => use(new FlaggedGraph(graph, plan, copies)), { others, config });
  }

  /** Runs the graph from the variables' values. */
  async run(inputs: readonly Tensor[]): Promise<FlaggedRun> {
    const { places, packed } = this.plan;
    const flags = this.graph.nodes.map((node) => slotsOf(node).map(() => ALL_FINITE));
    if (places.length > 0) {
      const [nan, infinite] = await this.fetch(inputs, [
        { node: packed[0]!, index: 0 },
        { node: packed[1]!, index: 0 },
      ]);
      for (const [i, { position, slot }] of places.entries()) {
        flags[position]![slot] = { nan: nan!.values[i] !== 0, infinite: infinite!.values[i] !== 0 };
      }
    }
    return { nodes: this.graph.nodes, flags };
  }

  /** Runs the graph from the variables' values, for these values of it. */
  async values(inputs: readonly Tensor[], places: readonly Place[]): Promise<NodeValue[]> {
    const { binding } = engine().backend;
    const fed = new Map(this.graph.arguments.map((node, i) => [node, inputs[i]!]));
    const outputs = places.map(({ position, slot }) => this.plan.outputOf(this.graph.nodes[position]!, slot));
    // TensorFlow does not give back what it is fed.
    const fetched = outputs.filter(({ node }) => !fed.has(node));
    const made = (await this.fetch(inputs, fetched)).values();
    return outputs.map(({ node, index }) => {
      const input = fed.get(node);
      if (input === undefined) return made.next().value!;
      return { ...node.outputs[index]!, values: binding.readFloat64(engine().backend.nativeId(input)) };
    });
  }

  private async fetch(inputs: readonly Tensor[], outputs: readonly GraphOutput[]): Promise<NodeValue[]> {
    if (outputs.length === 0) return [];
    const { session, names, load, feeds } = this.copies;
    const { binding } = engine().backend;
    await load();
    const made = await session.fetch({
      feeds: feeds(inputs),
      fetches: outputs.map(({ node, index }) => [names.get(node)!, index]),
      targets: [],
    });
    try {
      return made.map(({ id, shape }) => ({ type: binding.trueType(id), shape, values: binding.readFloat64(id) }));
    } finally {
      for (const { id } of made) binding.deleteTensor(id);
    }
  }
}

interface FlagPlan {
  /** Nodes that are added to the graph. */
  readonly added: readonly GraphNode[];
  /** The values that are looked at, in the order of their flags. */
  readonly places: readonly Place[];
  /** Which have NaN, which have infinities. */
  readonly packed: readonly GraphNode[];
  /** Where a node's value can be read. */
  readonly outputOf: (node: GraphNode, slot: number) => GraphOutput;
}

function planFlags(graph: RecordedGraph): FlagPlan {
  const added: GraphNode[] = [];
  const add = (
    op: string,
    inputs: readonly GraphOutput[],
    type: number,
    shape: readonly number[],
    more: Partial<GraphNode> = {},
  ): GraphNode => {
    const node: GraphNode = {
      op,
      inputs,
      attributes: [],
      controls: [],
      outputs: [{ type, shape }],
      path: '',
      phase: 'forward',
      ...more,
    };
    added.push(node);
    return node;
  };
  const reads = readsOfVariables(graph, (handle, controls) => {
    const [spec] = slotsOf(handle);
    const attributes = [{ name: 'dtype', type: engine().backend.binding.TF_ATTR_TYPE, value: spec!.type }];
    return add('ReadVariableOp', [{ node: handle, index: 0 }], spec!.type, spec!.shape, { attributes, controls });
  });
  const outputOf = (node: GraphNode, slot: number): GraphOutput => {
    const read = reads.get(node)?.[slot];
    return read === undefined ? { node, index: slot } : { node: read, index: 0 };
  };
  const integers = (value: number): GraphOutput => {
    const content = new Uint8Array(Int32Array.of(value).buffer);
    const spec = { type: DATA_TYPES.int32, shape: [1] };
    return { node: add('Const', [], spec.type, spec.shape, { constant: { ...spec, content } }), index: 0 };
  };
  const [flat, axis] = [integers(-1), integers(0)];
  const places: Place[] = [];
  const flags: [GraphOutput[], GraphOutput[]] = [[], []];
  for (const [position, node] of graph.nodes.entries()) {
    for (const [slot, spec] of slotsOf(node).entries()) {
      if (!canBeNonFinite(spec)) continue;
      places.push({ position, slot });
      // What shape a graph takes a result for may differ from what it has, as with what is reserved for a gradient.
      const all = add('Reshape', [outputOf(node, slot), flat], spec.type, []);
      for (const [i, op] of (['IsNan', 'IsInf'] as const).entries()) {
        const each = add(op, [{ node: all, index: 0 }], DATA_TYPES.bool, []);
        const any = add('Any', [{ node: each, index: 0 }, axis], DATA_TYPES.bool, []);
        flags[i]!.push({ node: any, index: 0 });
      }
    }
  }
  const packed = flags.map((each) =>
    add('Pack', each, DATA_TYPES.bool, [each.length], { attributes: [attribute.int('axis', 0)] }),
  );
  return { added: places.length === 0 ? [] : added, places, packed, outputOf };
}

/** Reads of each variable before the graph writes it, and after each node that does; later writes wait for them. */
function readsOfVariables(
  graph: RecordedGraph,
  read: (handle: GraphNode, controls: readonly GraphNode[]) => GraphNode,
): Map<GraphNode, readonly GraphNode[]> {
  const latest = new Map<GraphNode, GraphNode>();
  const reads = new Map<GraphNode, readonly GraphNode[]>();
  for (const node of graph.nodes) {
    if (node.op === 'VarHandleOp') {
      const before = read(node, []);
      latest.set(node, before);
      reads.set(node, [before]);
    }
    if (!hasEffect(node)) continue;
    const handles = handlesOf(node);
    node.controls = [...node.controls, ...handles.map((handle) => latest.get(handle)!)];
    const after = handles.map((handle) => read(handle, [node]));
    handles.forEach((handle, i) => latest.set(handle, after[i]!));
    reads.set(node, after);
  }
  return reads;
}
