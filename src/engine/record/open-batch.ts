import { TraceError } from '../../core/errors.js';
import { attribute } from '../attribute.js';
import { DATA_TYPES } from '../ffi/data-types.js';
import type { OpAttribute } from '../ffi/op-attributes.js';
import type { ConstantValue, GraphNode, GraphOutput, RecordedGraph } from './recorded-graph.js';

/** A number for each batch size that was recorded. */
type Samples = readonly number[];

/** How a number depends on the batch: `base + factor * batch`. */
interface Line {
  readonly base: number;
  readonly factor: number;
}

/**
 * One graph for batches of any size from recordings of the same function on batches of several: what differs between them is
 * computed from the size of the first argument's first axis.
 *
 * @param recordings - three at least, so that a line through two is tried on another
 * @throws TraceError [fixed-batch] where they differ otherwise than in integers and shapes that grow evenly
 */
export function openBatch(recordings: readonly RecordedGraph[], sizes: Samples, where: string): RecordedGraph {
  const refuse = (received: string, node?: GraphNode): never => {
    throw new TraceError('fixed-batch', {
      where,
      expected: 'a graph that is the same for every batch, but for shapes that follow from its size',
      received: `${received}${node === undefined || node.path === '' ? '' : ` in layer "${node.path}"`}`,
      fix: 'pass the size of the batches that will be run, e.g. { batchSize: 32 }',
    });
  };
  const [first] = recordings as [RecordedGraph];
  if (recordings.some(({ nodes }) => nodes.length !== first.nodes.length)) refuse('other ops for other batches');
  const places = recordings.map(({ nodes }) => new Map(nodes.map((node, i) => [node, i])));
  const opened: GraphNode[] = [];
  const nodes: GraphNode[] = [];
  const add = (op: string, attributes: OpAttribute[], inputs: GraphOutput[], output: GraphNode['outputs'][0]) => {
    const node: GraphNode = { op, attributes, inputs, controls: [], outputs: [output], path: '', phase: 'forward' };
    nodes.push(node);
    return { node, index: 0 };
  };
  const constant = (values: readonly number[], shape: readonly number[]): GraphOutput => {
    const content = new Uint8Array(Int32Array.from(values).buffer);
    const spec = { type: DATA_TYPES.int32, shape };
    nodes.push({ ...EMPTY, outputs: [spec], constant: { ...spec, content } });
    return { node: nodes.at(-1)!, index: 0 };
  };
  let batch: GraphOutput | undefined;
  /** The size of the batch, a scalar that is computed once. */
  const batchSize = (): GraphOutput => {
    if (batch !== undefined) return batch;
    const argument = { node: opened[places[0]!.get(first.arguments[0]!)!]!, index: 0 };
    const { type, shape } = argument.node.outputs[0]!;
    const sizesOf = add(
      'Shape',
      [typed('T', type), typed('out_type', DATA_TYPES.int32)],
      [argument],
      int32([shape.length]),
    );
    const ends = [constant([0], [1]), constant([1], [1]), constant([1], [1])];
    const attributes = [typed('T', DATA_TYPES.int32), typed('Index', DATA_TYPES.int32), ...SHRINK];
    return (batch = add('StridedSlice', attributes, [sizesOf, ...ends], int32([])));
  };
  /** Integers that depend on the batch, as a tensor. */
  const computed = (lines: readonly Line[], shape: readonly number[]): GraphOutput => {
    const type = [typed('T', DATA_TYPES.int32)];
    const factors = constant(
      lines.map(({ factor }) => factor),
      shape,
    );
    const grown = add('Mul', type, [batchSize(), factors], int32(shape));
    if (lines.every(({ base }) => base === 0)) return grown;
    return add(
      'AddV2',
      type,
      [
        grown,
        constant(
          lines.map(({ base }) => base),
          shape,
        ),
      ],
      int32(shape),
    );
  };
  const linesOf = (samples: readonly Samples[], node: GraphNode): Line[] =>
    samples.map((values) => lineThrough(sizes, values) ?? refuse(`the numbers ${values.join(', ')}`, node));

  first.nodes.forEach((node, i) => {
    const variants = recordings.map((recording) => recording.nodes[i]!);
    const inputsOf = (variant: GraphNode, of: number): string =>
      variant.inputs.map(({ node: input, index }) => `${places[of]!.get(input)}:${index}`).join();
    const alike = variants.every(
      (variant, of) =>
        variant.op === node.op &&
        inputsOf(variant, of) === inputsOf(node, 0) &&
        JSON.stringify(variant.attributes) === JSON.stringify(node.attributes),
    );
    const isArgument = first.arguments.includes(node);
    if (!alike && !isArgument) refuse(`op ${variants.find(({ op }) => op !== node.op)?.op ?? node.op} for some`, node);
    if (isArgument) {
      const [{ type, shape }] = node.outputs as [ConstantValue];
      const isFirst = node === first.arguments[0];
      nodes.push({ ...node, outputs: [{ type, shape: isFirst ? [-1, ...shape.slice(1)] : shape }] });
    } else if (node.constant === undefined) {
      const inputs = node.inputs.map(({ node: input, index }) => ({ node: opened[places[0]!.get(input)!]!, index }));
      nodes.push({ ...node, inputs });
    } else {
      openConstant(
        node,
        variants.map((variant) => variant.constant!),
      );
    }
    opened.push(nodes.at(-1)!);
  });
  return {
    arguments: first.arguments.map((node) => opened[places[0]!.get(node)!]!),
    nodes,
    results: first.results.map(({ node, index }) => ({ node: opened[places[0]!.get(node)!]!, index })),
  };

  function openConstant(node: GraphNode, constants: readonly ConstantValue[]): void {
    const [{ type, shape, content }] = constants as [ConstantValue];
    const sameShape = constants.every((other) => String(other.shape) === String(shape));
    if (sameShape && constants.every((other) => equalContent(other.content, content))) {
      nodes.push(node);
      return;
    }
    if (sameShape && type === DATA_TYPES.int32) {
      const values = constants.map((other) => integersOf(other));
      const samples = [...values[0]!].map((_, i) => values.map((numbers) => numbers[i]!));
      computed(linesOf(samples, node), shape);
      return;
    }
    const value = uniform(constants);
    if (value === undefined || constants.some((other) => other.shape.length !== shape.length)) {
      return refuse(`${sameShape ? 'constants of other values' : 'constants of other shapes'}`, node);
    }
    const samples = shape.map((_, axis) => constants.map((other) => other.shape[axis]!));
    const dims = computed(linesOf(samples, node), [shape.length]);
    const spec = { type, shape: [] };
    nodes.push({ ...EMPTY, outputs: [spec], constant: { ...spec, content: value } });
    const filled = { node: nodes.at(-1)!, index: 0 };
    add('Fill', [typed('T', type), typed('index_type', DATA_TYPES.int32)], [dims, filled], { type, shape });
  }
}

const EMPTY = { op: 'Const', attributes: [], inputs: [], controls: [], path: '', phase: 'forward' } as const;

const SHRINK = [
  ...['begin_mask', 'end_mask', 'ellipsis_mask', 'new_axis_mask'].map((name) => attribute.int(name, 0)),
  attribute.int('shrink_axis_mask', 1),
];

function typed(name: string, type: number): OpAttribute {
  return { ...attribute.type(name, 'int32'), value: type };
}

function int32(shape: readonly number[]): { type: number; shape: readonly number[] } {
  return { type: DATA_TYPES.int32, shape };
}

function lineThrough(sizes: Samples, values: Samples): Line | undefined {
  const factor = (values[1]! - values[0]!) / (sizes[1]! - sizes[0]!);
  const base = values[0]! - factor * sizes[0]!;
  const fits = Number.isInteger(factor) && values.every((value, i) => value === base + factor * sizes[i]!);
  return fits ? { base, factor } : undefined;
}

function integersOf({ content }: ConstantValue): Int32Array {
  return new Int32Array((content as Uint8Array).slice().buffer);
}

function equalContent(a: ConstantValue['content'], b: ConstantValue['content']): boolean {
  if (ArrayBuffer.isView(a) && ArrayBuffer.isView(b)) return Buffer.compare(a, b) === 0;
  return JSON.stringify(a) === JSON.stringify(b);
}

/** The bytes of the one value that all elements of all constants have. */
function uniform(constants: readonly ConstantValue[]): Uint8Array | undefined {
  const [{ content, shape }] = constants as [ConstantValue];
  if (!ArrayBuffer.isView(content)) return undefined;
  const width = content.length / shape.reduce((product, size) => product * size, 1);
  const value = content.slice(0, width);
  const isUniform = constants.every(({ content: other }) => {
    const bytes = other as Uint8Array;
    for (let at = 0; at < bytes.length; at++) if (bytes[at] !== value[at % width]) return false;
    return true;
  });
  return isUniform ? value : undefined;
}
