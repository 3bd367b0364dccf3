import { currentPath, currentPhase, currentScope } from '../../core/path-scope.js';
import { attribute } from '../attribute.js';
import { DATA_TYPES, isFloat } from '../ffi/data-types.js';
import type { OpAttribute } from '../ffi/op-attributes.js';
import type { TensorFlowBinding, TensorMetadata } from '../ffi/tensorflow-binding.js';
import type { TensorValues } from '../ffi/tensor-data.js';
import { engine } from '../start-engine.js';
import { tf, type Tensor } from '../tfjs.js';
import { Variable } from '../variable.js';
import { ALL_FINITE, handlesOf, type FlaggedRun, type Flags, type NodeValue, type Place } from './node-values.js';
import { hasEffect, partOf, type GraphNode, type GraphOutput } from './recorded-graph.js';
import type { OtherValues } from './run-on-copies.js';

let copies = 0;

/**
 * Runs a function op by op with copies of the variables, and looks at what each op makes as it comes. Reads on the host are
 * allowed; nothing is written back.
 */
export class CheckedRun {
  private readonly backend = engine().backend;
  private readonly real: TensorFlowBinding = this.backend.binding;
  private readonly nodes: GraphNode[] = [];
  private readonly flags: Flags[][] = [];
  private readonly byTensor = new Map<number, GraphOutput>();
  private readonly variables = new Map<Variable, { readonly node: GraphNode; readonly copy: number }>();
  /** Of variables that the function makes: what it does to them stays. */
  private readonly newHandles = new Set<number>();
  private readonly wanted: ReadonlySet<string>;
  private readonly found = new Map<string, NodeValue>();

  /**
   * @param inputs - what counts as arguments
   * @param others - what copies hold in the place of the variables' values
   * @param places - values that are to be kept
   */
  constructor(
    inputs: readonly Tensor[],
    private readonly others: OtherValues,
    private readonly places: readonly Place[] = [],
  ) {
    this.wanted = new Set(places.map(keyOf));
    // Tensors are written to TensorFlow when they are first asked for; not during the run.
    for (const tensor of others.values()) this.backend.nativeId(tensor);
    for (const tensor of inputs) {
      const id = this.backend.nativeId(tensor);
      const spec = { type: this.real.trueType(id), shape: [...tensor.shape] };
      this.byTensor.set(id, { node: this.write('Placeholder', [], [], [spec], [id]), index: 0 });
    }
  }

  /** Runs `fn` and frees what it makes. */
  run(fn: () => unknown): FlaggedRun & { readonly values: readonly NodeValue[] } {
    const { backend, real } = this;
    const standIn = this.standIn();
    backend.binding = standIn;
    tf.engine().startScope('checking');
    try {
      fn();
    } finally {
      tf.engine().endScope();
      backend.binding = real;
      backend.forgetViews(standIn);
      for (const { copy } of this.variables.values()) {
        if (this.newHandles.has(copy)) continue;
        real.executeNative('DestroyResourceOp', [attribute.bool('ignore_lookup_error', true)], [copy], 0);
        real.deleteTensor(copy);
      }
    }
    const values = this.places.flatMap((place) => this.found.get(keyOf(place)) ?? []);
    return { nodes: this.nodes, flags: this.flags, values };
  }

  private standIn(): TensorFlowBinding {
    const { real } = this;
    const standIn = Object.create(real) as TensorFlowBinding & { checking: true };
    const own = {
      checking: true,
      createTensor: (shape: number[], dtype: number, values: TensorValues): number => {
        const id = real.createTensor(shape, dtype, values);
        const node = this.write('Const', [], [], [{ type: real.trueType(id), shape: [...shape] }], [id]);
        this.byTensor.set(id, { node, index: 0 });
        return id;
      },
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
    if (op === 'VarHandleOp' || op === 'DestroyResourceOp') {
      const [made] = real.executeNative(op, attributes, ids, outputs);
      if (made === undefined) return [];
      this.newHandles.add(made.id);
      return [made];
    }
    const inputs = ids.map((id) => this.outputOf(id));
    const actual = ids.map((id) => this.copyOf(id) ?? id);
    const made = real.executeNative(op, attributes, actual, outputs);
    const specs = made.map(({ id, shape }) => ({ type: real.trueType(id), shape: [...shape] }));
    const node = this.write(
      op,
      attributes,
      inputs,
      specs,
      made.map(({ id }) => id),
    );
    made.forEach(({ id }, index) => this.byTensor.set(id, { node, index }));
    return made;
  }

  private copyOf(id: number): number | undefined {
    const variable = Variable.ofHandle(id);
    return variable === undefined ? undefined : this.variables.get(variable)?.copy;
  }

  private outputOf(id: number): GraphOutput {
    const variable = Variable.ofHandle(id);
    if (variable !== undefined) return { node: this.handleOf(variable), index: 0 };
    let known = this.byTensor.get(id);
    if (known === undefined) {
      const spec = { type: this.real.trueType(id), shape: this.real.shapeOf(id) };
      this.byTensor.set(id, (known = { node: this.write('Const', [], [], [spec], [id]), index: 0 }));
    }
    return known;
  }

  private handleOf(variable: Variable): GraphNode {
    const known = this.variables.get(variable);
    if (known !== undefined) return known.node;
    const { real, backend } = this;
    const attributes = (sharedName: string): OpAttribute[] => [
      attribute.type('dtype', variable.dtype as 'float32'),
      attribute.shape('shape', variable.shape),
      attribute.string('shared_name', sharedName),
      attribute.string('container', ''),
    ];
    const spec = { type: DATA_TYPES.resource, shape: [] };
    if (this.newHandles.has(variable.handleId)) {
      const node = this.write('VarHandleOp', attributes(variable.sharedName), [], [spec], []);
      this.variables.set(variable, { node, copy: variable.handleId });
      return node;
    }
    const other = this.others.get(variable);
    const read = (handle: number) =>
      real.executeNative('ReadVariableOp', [attribute.type('dtype', variable.dtype as 'float32')], [handle], 1)[0]!.id;
    const value = other === undefined ? read(variable.handleId) : backend.nativeId(other);
    const copy = real.executeNative('VarHandleOp', attributes(`checked ${copies++}`), [], 1)[0]!.id;
    real.executeNative('AssignVariableOp', [attribute.type('dtype', variable.dtype as 'float32')], [copy, value], 0);
    const node = this.write('VarHandleOp', attributes(variable.sharedName), [], [spec], [value]);
    if (other === undefined) real.deleteTensor(value);
    this.variables.set(variable, { node, copy });
    return node;
  }

  /** @param ids - the tensors that the node made, or holds */
  private write(
    op: string,
    attributes: readonly OpAttribute[],
    inputs: readonly GraphOutput[],
    outputs: GraphNode['outputs'],
    ids: readonly number[],
  ): GraphNode {
    const node: GraphNode = {
      op,
      attributes: [...attributes],
      inputs,
      controls: [],
      outputs,
      path: currentPath(),
      phase: currentPhase(),
      part: partOf(currentScope()),
    };
    const position = this.nodes.push(node) - 1;
    this.flags.push([]);
    if (hasEffect(node)) this.lookAtVariables(node, position);
    else ids.forEach((id, slot) => this.lookAt(id, { position, slot }));
    return node;
  }

  private lookAtVariables(node: GraphNode, position: number): void {
    const { real } = this;
    const held = new Map([...this.variables].map(([variable, entry]) => [entry.node, { variable, ...entry }]));
    for (const [slot, handle] of handlesOf(node).entries()) {
      const { variable, copy } = held.get(handle)!;
      const attributes = [attribute.type('dtype', variable.dtype as 'float32')];
      const [{ id }] = real.executeNative('ReadVariableOp', attributes, [copy], 1) as [TensorMetadata];
      this.lookAt(id, { position, slot });
      real.deleteTensor(id);
    }
  }

  private lookAt(id: number, place: Place): void {
    const { real } = this;
    const type = real.trueType(id);
    this.flags[place.position]![place.slot] = isFloat(type)
      ? flagsOf(real.tensorDataSync(id) as Float32Array)
      : ALL_FINITE;
    if (!this.wanted.has(keyOf(place))) return;
    this.found.set(keyOf(place), { type, shape: real.shapeOf(id), values: real.readFloat64(id) });
  }
}

function keyOf({ position, slot }: Place): string {
  return `${position}:${slot}`;
}

function flagsOf(values: Float32Array): Flags {
  let nan = false;
  let infinite = false;
  for (const value of values) {
    if (value - value === 0) continue;
    if (Number.isNaN(value)) nan = true;
    else infinite = true;
  }
  return { nan, infinite };
}
