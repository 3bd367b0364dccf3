import { TraceError } from '../../core/errors.js';
import { currentPath } from '../../core/path-scope.js';
import { attribute } from '../attribute.js';
import type { OpAttribute } from '../ffi/op-attributes.js';
import { DATA_TYPES } from '../ffi/data-types.js';
import type { TensorFlowBinding, TensorMetadata } from '../ffi/tensorflow-binding.js';
import type { TensorValues } from '../ffi/tensor-data.js';
import { engine } from '../start-engine.js';
import type { Tensor } from '../tfjs.js';
import { Variable } from '../variable.js';
import type { GraphNode, GraphOutput, RecordedGraph } from './recorded-graph.js';
import { userFrame } from './user-frame.js';

/**
 * Stands in the place of the backend's binding while a function runs once: every op is passed on and written down.
 *
 * State that the function writes is put back at the end, so that recording commits nothing.
 */
export class Recorder {
  private readonly backend = engine().backend;
  private readonly real: TensorFlowBinding = this.backend.binding;
  private readonly nodes: GraphNode[] = [];
  private readonly byTensor = new Map<number, GraphOutput>();
  private readonly variables = new Map<Variable, GraphNode>();
  /** For each variable the last write and the reads since, which the next write must not overtake. */
  private readonly order = new Map<Variable, { write: GraphNode | undefined; reads: GraphNode[] }>();
  private readonly before = new Map<Variable, number>();
  private readonly deletions: number[] = [];
  private readonly arguments: GraphNode[] = [];

  /** @param argumentTensors - what becomes the function's arguments; all else that exists already is a constant */
  constructor(argumentTensors: readonly Tensor[]) {
    for (const tensor of argumentTensors) {
      const id = this.backend.nativeId(tensor);
      const type = this.real.trueType(id);
      const node = this.write('Placeholder', [attribute.shape('shape', tensor.shape)], [], [{ type, shape: tensor.shape }]);
      this.arguments.push(node);
      this.byTensor.set(id, { node, index: 0 });
    }
  }

  /** Runs `fn`, writes down what it does and puts written state back. */
  record(fn: () => Tensor[]): RecordedGraph {
    const { backend, real } = this;
    if (backend.binding !== real || 'recording' in real) throw nested();
    backend.binding = this.standIn();
    let results: Tensor[] = [];
    try {
      results = fn();
      return {
        arguments: this.arguments,
        nodes: this.nodes,
        results: results.map((tensor) => this.outputOf(backend.nativeId(tensor), tensor.shape)),
      };
    } finally {
      backend.binding = real;
      for (const tensor of results) tensor.dispose();
      for (const [variable, id] of this.before) {
        real.executeNative('AssignVariableOp', dtypeAttribute(real, id), [variable.handleId, id], 0);
        real.deleteTensor(id);
      }
      for (const id of this.deletions) real.deleteTensor(id);
    }
  }

  private standIn(): TensorFlowBinding {
    const { real } = this;
    const standIn = Object.create(real) as TensorFlowBinding & { recording: true };
    const own = {
      recording: true,
      createTensor: (shape: number[], dtype: number, values: TensorValues): number => {
        const id = real.createTensor(shape, dtype, values);
        this.byTensor.set(id, { node: this.writeConstant(id, shape), index: 0 });
        return id;
      },
      deleteTensor: (id: number): void => {
        // Ids are used again once freed; while the function runs each must mean one tensor.
        this.deletions.push(id);
      },
      tensorDataSync: (id: number): TensorValues => this.refuseRead(id),
      readFloat64: (id: number): Float64Array => this.refuseRead(id),
      executeNative: (op: string, attributes: readonly OpAttribute[], ids: readonly number[], outputs: number) =>
        this.execute(op, attributes, ids, outputs),
    };
    for (const [name, value] of Object.entries(own)) Object.defineProperty(standIn, name, { value });
    return standIn;
  }

  private execute(
    op: string,
    attributes: readonly OpAttribute[],
    ids: readonly number[],
    outputs: number,
  ): TensorMetadata[] {
    const { real } = this;
    if (op === 'VarHandleOp' || op === 'DestroyResourceOp') return real.executeNative(op, attributes, ids, outputs);
    const touched = ids.flatMap((id) => Variable.ofHandle(id) ?? []);
    const reads = op === 'ReadVariableOp' || op === 'ResourceGather' || op === 'VariableShape';
    if (!reads) for (const variable of touched) this.remember(variable);
    const inputs = ids.map((id) => this.outputOf(id));
    const made = real.executeNative(op, attributes, ids, outputs);
    const specs = made.map(({ id, shape }) => ({ type: real.trueType(id), shape: [...shape] }));
    const node = this.write(op, attributes, inputs, specs);
    for (const variable of touched) this.keepOrder(node, variable, reads);
    made.forEach(({ id }, index) => this.byTensor.set(id, { node, index }));
    return made;
  }

  /** Keeps a variable's value from before its first write. */
  private remember(variable: Variable): void {
    if (this.before.has(variable)) return;
    const attributes = [attribute.type('dtype', variable.dtype as 'float32')];
    const [value] = this.real.executeNative('ReadVariableOp', attributes, [variable.handleId], 1);
    this.before.set(variable, value!.id);
  }

  private keepOrder(node: GraphNode, variable: Variable, reads: boolean): void {
    let order = this.order.get(variable);
    if (order === undefined) this.order.set(variable, (order = { write: undefined, reads: [] }));
    const earlier = reads ? [order.write] : [order.write, ...order.reads];
    const controls = new Set([...node.controls, ...earlier.filter((other) => other !== undefined)]);
    controls.delete(node);
    node.controls = [...controls];
    if (reads) order.reads.push(node);
    else this.order.set(variable, { write: node, reads: [] });
  }

  /** The node behind a native tensor: one that was written down, a variable's handle, or a constant from before. */
  private outputOf(id: number, shape?: readonly number[]): GraphOutput {
    const known = this.byTensor.get(id);
    if (known !== undefined) return known;
    const variable = Variable.ofHandle(id);
    const node = variable === undefined ? this.writeConstant(id, shape ?? this.real.shapeOf(id)) : this.handleOf(variable);
    const output = { node, index: 0 };
    this.byTensor.set(id, output);
    return output;
  }

  private handleOf(variable: Variable): GraphNode {
    let node = this.variables.get(variable);
    if (node === undefined) {
      node = this.write(
        'VarHandleOp',
        [
          attribute.type('dtype', variable.dtype as 'float32'),
          attribute.shape('shape', variable.shape),
          attribute.string('shared_name', variable.sharedName),
          attribute.string('container', ''),
        ],
        [],
        [{ type: DATA_TYPES.resource, shape: [] }],
      );
      this.variables.set(variable, node);
    }
    return node;
  }

  private writeConstant(id: number, shape: readonly number[]): GraphNode {
    const spec = { type: this.real.trueType(id), shape: [...shape] };
    const constant = { ...spec, content: this.real.readContent(id) };
    return this.write('Const', [], [], [spec], constant);
  }

  private write(
    op: string,
    attributes: readonly OpAttribute[],
    inputs: readonly GraphOutput[],
    outputs: GraphNode['outputs'],
    constant?: GraphNode['constant'],
  ): GraphNode {
    // The caller may change its array later; what was run is what is written.
    const node: GraphNode = { op, attributes: [...attributes], inputs, controls: [], outputs, path: currentPath(), constant };
    this.nodes.push(node);
    return node;
  }

  private refuseRead(id: number): never {
    const source = this.byTensor.get(id)?.node;
    throw new TraceError('host-read', {
      where: `${currentPath() === '' ? 'a recorded function' : `layer "${currentPath()}"`}${userFrame()}`,
      expected: 'a step that computes on the device only',
      received: `the value of a tensor read by JavaScript${source === undefined ? '' : ` (the result of ${source.op})`}`,
      fix: "choose with tf.where() instead of if; or run it op by op: execution: 'eager'",
    });
  }
}

function nested(): TraceError {
  return new TraceError('nested-recording', {
    where: 'recording',
    expected: 'one recording at a time',
    received: 'a recording inside a recording',
    fix: 'call the inner function itself: it is recorded with the outer one',
  });
}

function dtypeAttribute(binding: TensorFlowBinding, id: number): OpAttribute[] {
  return [{ name: 'dtype', type: binding.TF_ATTR_TYPE, value: binding.trueType(id) }];
}
