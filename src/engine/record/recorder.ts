import type { TraceError } from '../../core/errors.js';
import { currentPath, currentPhase, currentScope } from '../../core/path-scope.js';
import { attribute } from '../attribute.js';
import type { OpAttribute } from '../ffi/op-attributes.js';
import { DATA_TYPES } from '../ffi/data-types.js';
import type { TensorFlowBinding, TensorMetadata } from '../ffi/tensorflow-binding.js';
import type { TensorValues } from '../ffi/tensor-data.js';
import { engine } from '../start-engine.js';
import type { TensorFlowBackend } from '../tensorflow-backend.js';
import { tf, type Tensor } from '../tfjs.js';
import { Variable } from '../variable.js';
import { AccessOrder } from './access-order.js';
import { hasDynamicShape } from './dynamic-shapes.js';
import { partOf, readsState, type GraphNode, type GraphOutput, type RecordedGraph } from './recorded-graph.js';
import { refuseDraws } from './refuse-draws.js';
import { LEAVES, RunComparison } from './run-comparison.js';
import * as refusal from './trace-errors.js';

/** A part of the recording that has to wait. */
interface Delay {
  /** What it waits for. */
  readonly controls: readonly GraphNode[];
  readonly inside: Set<GraphNode>;
  /** For each node from before that is used, and each of its results, the same after the delay. */
  readonly waiting: Map<GraphNode, Map<number, GraphOutput>>;
}

/**
 * Stands in the place of the backend's binding while a function runs once: every op is passed on and written down.
 *
 * State stays as it is: what the function would write is written down, too, and not done.
 */
export class Recorder {
  private readonly backend = engine().backend;
  private readonly real: TensorFlowBinding = this.backend.binding;
  private readonly nodes: GraphNode[] = [];
  private readonly byTensor = new Map<number, GraphOutput>();
  private readonly variables = new Map<Variable, GraphNode>();
  private readonly order = new AccessOrder<Variable>();
  private readonly arguments: GraphNode[] = [];
  /** Variables of tfjs that exist, by native id: what they are given later would pass a recording by. */
  private readonly tfVariables = new Map<number, string>();
  private readonly comparison: RunComparison | undefined;
  private delay: Delay | undefined;
  /** The first thing that could not be recorded; user code may have swallowed it. */
  private fault: TraceError | undefined;
  /** How this run differs from the earlier one; `undefined` where it does not. */
  difference: TraceError | undefined;

  /**
   * @param argumentTensors - what becomes the function's arguments; all else that exists already is a constant
   * @param earlier - another run of the same function, to be compared with
   */
  constructor(argumentTensors: readonly Tensor[], earlier?: RecordedGraph) {
    if ('recording' in this.real) throw refusal.nestedRecording();
    for (const [i, tensor] of argumentTensors.entries()) {
      const id = this.backend.nativeId(tensor);
      if (this.byTensor.has(id)) throw refusal.unusableArgument(i, 'a tensor that is another argument, too');
      if (this.backend.isView(tensor)) throw refusal.unusableArgument(i, 'another shape of a tensor (a reshape)');
      const type = this.real.trueType(id);
      const node = this.write(
        'Placeholder',
        [attribute.shape('shape', tensor.shape)],
        [],
        [{ type, shape: tensor.shape }],
      );
      this.arguments.push(node);
      this.byTensor.set(id, { node, index: 0 });
    }
    for (const [name, variable] of Object.entries(tf.engine().registeredVariables)) {
      if (this.backend.holds(variable)) this.tfVariables.set(this.backend.nativeId(variable), name);
    }
    this.comparison = earlier && new RunComparison(earlier, this.arguments);
  }

  /** Runs `fn` and writes down what it does. */
  record(fn: () => Tensor[]): RecordedGraph {
    const { backend, real } = this;
    const standIn = this.standIn();
    backend.binding = standIn;
    backend.read = (dataId) => this.refuseLaterRead(dataId);
    // What `fn` leaves behind goes at the end; tensors from before stay their owners'.
    tf.engine().startScope('recording');
    try {
      const made = refuseDraws(fn, (error) => this.note(error));
      if (this.fault !== undefined) throw this.fault;
      const results = made.map((tensor) => this.outputOf(backend.nativeId(tensor), tensor.shape));
      this.compare(this.comparison?.end(results));
      return { arguments: this.arguments, nodes: this.nodes, results };
    } catch (error) {
      throw this.fault ?? error;
    } finally {
      tf.engine().endScope();
      backend.binding = real;
      backend.forgetViews(standIn);
      Reflect.deleteProperty(backend, 'read');
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
      tensorDataSync: (id: number): TensorValues => this.refuseRead(id),
      readFloat64: (id: number): Float64Array => this.refuseRead(id),
      runAfter: <T>(ids: readonly number[], fn: () => T): T => this.runAfter(ids, fn),
      loadSavedModel: (): never => this.refuse(refusal.noGraphForm('a SavedModel')),
      runSavedModel: (): never => this.refuse(refusal.noGraphForm('a SavedModel')),
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
    if (op === 'VarHandleOp') return this.refuse(refusal.newVariable());
    if (op === 'DestroyResourceOp') return real.executeNative(op, attributes, ids, outputs);
    if (hasDynamicShape(op, attributes)) return this.refuse(refusal.dynamicShape(op));
    const touched = ids.flatMap((id) => Variable.ofHandle(id) ?? []);
    const reads = readsState(op);
    const inputs = ids.map((id) => this.delayed(this.outputOf(id)));
    // A write is written down and not done: it has no result, so that nothing here needs it, and no state has to be put back.
    const isWrite = touched.length > 0 && !reads && outputs === 0;
    const made = isWrite ? [] : real.executeNative(op, attributes, ids, outputs);
    const specs = made.map(({ id, shape }) => ({ type: real.trueType(id), shape: [...shape] }));
    const node = this.write(op, attributes, inputs, specs);
    this.compare(this.comparison?.next(node));
    for (const variable of touched) this.order.add(node, variable, reads);
    made.forEach(({ id }, index) => this.byTensor.set(id, { node, index }));
    return made;
  }

  /** Writes what `fn` does so that nothing of it runs before these tensors are there. */
  private runAfter<T>(ids: readonly number[], fn: () => T): T {
    const outer = this.delay;
    const controls = ids.flatMap((id) => this.byTensor.get(id)?.node ?? []);
    this.delay = { controls: [...new Set(controls)], inside: new Set(), waiting: new Map() };
    try {
      return fn();
    } finally {
      this.delay = outer;
    }
  }

  /** In the place of a tensor from before a delay, one that is there after it. */
  private delayed(input: GraphOutput): GraphOutput {
    const { delay } = this;
    if (delay === undefined || LEAVES.has(input.node.op) || delay.inside.has(input.node)) return input;
    const key = input.node;
    const known = delay.waiting.get(key)?.get(input.index);
    if (known !== undefined) return known;
    const spec = input.node.outputs[input.index]!;
    const type: OpAttribute = { name: 'T', type: this.real.TF_ATTR_TYPE, value: spec.type };
    const node = this.write('Identity', [type], [input], [spec]);
    node.controls = delay.controls;
    this.compare(this.comparison?.next(node));
    const output = { node, index: 0 };
    const outputs = delay.waiting.get(key) ?? new Map<number, GraphOutput>();
    delay.waiting.set(key, outputs.set(input.index, output));
    return output;
  }

  /** The node behind a native tensor: one that was written down, a variable's handle, or a constant from before. */
  private outputOf(id: number, shape?: readonly number[]): GraphOutput {
    const known = this.byTensor.get(id);
    if (known !== undefined) return known;
    const name = this.tfVariables.get(id);
    if (name !== undefined) return this.refuse(refusal.tfVariable(name));
    const variable = Variable.ofHandle(id);
    const node =
      variable === undefined ? this.writeConstant(id, shape ?? this.real.shapeOf(id)) : this.handleOf(variable);
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
    const node: GraphNode = {
      op,
      attributes: [...attributes],
      inputs,
      controls: [],
      outputs,
      path: currentPath(),
      phase: currentPhase(),
      part: partOf(currentScope()),
      constant,
    };
    this.nodes.push(node);
    const { delay } = this;
    if (delay !== undefined && !LEAVES.has(op)) {
      // What depends on constants only, such as a draw, waits by itself.
      if (!inputs.some((input) => delay.inside.has(input.node))) node.controls = delay.controls;
      delay.inside.add(node);
    }
    return node;
  }

  private refuseRead(id: number): never {
    return this.refuse(refusal.hostRead(this.byTensor.get(id)?.node.op));
  }

  /** `tensor.data()`: its promise stays open, because the recording itself fails and nobody may be waiting for it. */
  private refuseLaterRead(dataId: object): ReturnType<TensorFlowBackend['read']> {
    const values = this.backend.hostValues(dataId);
    if (values !== null) return Promise.resolve(values) as ReturnType<TensorFlowBackend['read']>;
    this.note(refusal.hostRead(undefined));
    return new Promise(() => {});
  }

  private refuse(error: TraceError): never {
    this.note(error);
    throw error;
  }

  private note(error: TraceError): void {
    this.fault ??= error;
  }

  private compare(change: string | undefined): void {
    if (change !== undefined) this.difference ??= refusal.unsteady(change);
  }
}
