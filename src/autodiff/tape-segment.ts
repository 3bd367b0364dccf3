import type { Tensor } from '../engine/tfjs.js';
import type { TapeNode } from './tape.js';

/** Frees what a node of the tape kept. */
export function disposeSaved(node: TapeNode): void {
  for (const tensor of node.saved ?? []) tensor.dispose();
}

/** Nodes that a function put on the tape, cut out of it. */
export class TapeSegment {
  private readonly producers = new Map<number, TapeNode>();

  /**
   * @param nodes - in the order of the tape
   * @param first - an id that is smaller than those of all tensors made in the segment
   * @param given - ids of the tensors that the function was given
   */
  constructor(
    private readonly nodes: readonly TapeNode[],
    private readonly first: number,
    private readonly given: ReadonlySet<number>,
  ) {
    for (const node of nodes) for (const { id } of node.outputs) this.producers.set(id, node);
  }

  /** The nodes that these tensors come from, less the inputs that are constants; the others are let go. */
  retain(tensors: readonly Tensor[], constants: ReadonlySet<number>): TapeNode[] {
    const needed = this.nodesTo(tensors);
    return this.nodes.flatMap((node) => {
      if (!needed.has(node)) {
        disposeSaved(node);
        return [];
      }
      const inputs = Object.entries(node.inputs).filter(([, input]) => !constants.has(input.id));
      return [{ ...node, inputs: Object.fromEntries(inputs) }];
    });
  }

  /** Whether one of these nodes has the tensor as an output. */
  makes(nodes: readonly TapeNode[], tensor: Tensor): boolean {
    return nodes.some(({ outputs }) => outputs.some(({ id }) => id === tensor.id));
  }

  /** Tensors from before that these depend on without their having been given. */
  captured(tensors: readonly Tensor[]): Tensor[] {
    const found = new Map<number, Tensor>();
    const look = (tensor: Tensor): void => {
      const { id, dtype } = tensor;
      if (id < this.first && dtype === 'float32' && !this.given.has(id)) found.set(id, tensor);
    };
    tensors.forEach(look);
    for (const node of this.nodesTo(tensors)) Object.values(node.inputs).forEach(look);
    return [...found.values()];
  }

  /** Ids of what the segment computes from these tensors. */
  dependents(tensors: readonly Tensor[]): Set<number> {
    const sources = new Set(tensors.map(({ id }) => id));
    const found = new Set<number>();
    for (const { inputs, outputs } of this.nodes) {
      if (Object.values(inputs).some(({ id }) => sources.has(id) || found.has(id))) {
        for (const { id } of outputs) found.add(id);
      }
    }
    return found;
  }

  private nodesTo(tensors: readonly Tensor[]): Set<TapeNode> {
    const reached = new Set<TapeNode>();
    const waiting = [...tensors];
    for (let tensor = waiting.pop(); tensor !== undefined; tensor = waiting.pop()) {
      const node = this.producers.get(tensor.id);
      if (node === undefined || reached.has(node)) continue;
      reached.add(node);
      // What a node saved are copies, made on the tape: the node's own gradient depends on the inputs through them.
      waiting.push(...Object.values(node.inputs), ...(node.saved ?? []));
    }
    return reached;
  }
}
