import { ATTRIBUTE_KINDS } from '../ffi/op-attributes.js';
import { TracedSession, type SessionRun } from '../ffi/traced-session.js';
import { toConfigProto } from '../engine-options.js';
import { liveVariables } from '../live-variables.js';
import { engine, engineOptions } from '../start-engine.js';
import type { Tensor } from '../tfjs.js';
import type { Variable } from '../variable.js';
import { encodeGraphDef } from './graph-def.js';
import type { GraphNode, RecordedGraph } from './recorded-graph.js';

/** Values that copies of variables have in the place of what the variables hold now. */
export type OtherValues = ReadonlyMap<Variable, Tensor>;

/** A session that has copies of the variables of a graph. */
export interface CopiesSession {
  readonly session: TracedSession;
  /** What each node of the graph is called there. */
  readonly names: ReadonlyMap<GraphNode, string>;
  /** Gives the copies their values, once more where a run has written them. */
  load(): Promise<void>;
  /** What the arguments are fed. */
  feeds(inputs: readonly Tensor[]): SessionRun['feeds'];
}

/**
 * Lets `use` run a graph in a session of its own, which has copies of the variables' values and writes nothing back.
 *
 * @param options - `others`: what copies hold in the place of the variables' values; `config`: a serialised ConfigProto that
 * is added to the engine's
 */
export async function runOnCopies<T>(
  name: string,
  graph: RecordedGraph,
  use: (copies: CopiesSession) => Promise<T>,
  options: { readonly others?: OtherValues; readonly config?: Uint8Array } = {},
): Promise<T> {
  const { backend } = engine();
  const { binding } = backend;
  const loads = loadsOf(graph);
  const added = loads.flatMap(({ value, assign }) => [value, assign]);
  // At the end, because a node's name has its position in it.
  const { bytes, names } = encodeGraphDef({ ...graph, nodes: [...graph.nodes, ...added] }, binding);
  // Serialised messages that are put together are merged.
  const config = Buffer.concat([toConfigProto(engineOptions()), options.config ?? new Uint8Array()]);
  const session = TracedSession.create(binding, name, bytes, config);
  const load = async (): Promise<void> => {
    for (const { variable, value, assign } of loads) {
      const other = options.others?.get(variable);
      const content = other ?? variable.read();
      const feeds = [[names.get(value)!, backend.nativeId(content)]] as const;
      await session.run({ feeds, fetches: [], targets: [names.get(assign)!] });
      if (other === undefined) content.dispose();
    }
  };
  try {
    await load();
    const feeds = (inputs: readonly Tensor[]): SessionRun['feeds'] =>
      graph.arguments.map((node, i) => [names.get(node)!, backend.nativeId(inputs[i]!)]);
    return await use({ session, names, load, feeds });
  } finally {
    session.delete();
  }
}

/** The unique name of the variable behind a handle's node. */
export function sharedNameOf(handle: GraphNode): string {
  return handle.attributes.find(({ name }) => name === 'shared_name')!.value as string;
}

interface Load {
  readonly variable: Variable;
  /** Placeholder for the value. */
  readonly value: GraphNode;
  readonly assign: GraphNode;
}

/** Nodes that give the session's variables the values of the real ones. */
function loadsOf(graph: RecordedGraph): Load[] {
  const variables = new Map(
    [...liveVariables.values()].map((variable) => [(variable as Variable).sharedName, variable]),
  );
  return graph.nodes
    .filter(({ op }) => op === 'VarHandleOp')
    .map((handle) => {
      const variable = variables.get(sharedNameOf(handle)) as Variable;
      const type = handle.attributes.find(({ name }) => name === 'dtype')!.value as number;
      const common = { controls: [], path: '', phase: 'forward' } as const;
      const value: GraphNode = {
        ...common,
        op: 'Placeholder',
        attributes: [],
        inputs: [],
        outputs: [{ type, shape: variable.shape }],
      };
      const assign: GraphNode = {
        ...common,
        op: 'AssignVariableOp',
        attributes: [{ name: 'dtype', type: ATTRIBUTE_KINDS.type, value: type }],
        inputs: [
          { node: handle, index: 0 },
          { node: value, index: 0 },
        ],
        outputs: [],
      };
      return { variable, value, assign };
    });
}
