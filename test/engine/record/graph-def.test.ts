import { describe, expect, it } from '@jest/globals';
import protobuf from 'protobufjs/light.js';
import { DATA_TYPES } from '../../../src/engine/ffi/data-types.js';
import { ATTRIBUTE_KINDS, type OpAttribute } from '../../../src/engine/ffi/op-attributes.js';
import { completeAttributes } from '../../../src/engine/record/complete-attributes.js';
import { defineFunction } from '../../../src/engine/record/define-function.js';
import { encodeGraphDef } from '../../../src/engine/record/graph-def.js';
import { opDefinition } from '../../../src/engine/record/op-definitions.js';
import { RecordedFunction } from '../../../src/engine/record/recorded-function.js';
import type { ConstantValue, GraphNode, RecordedGraph } from '../../../src/engine/record/recorded-graph.js';
import { attribute, executeOp } from '../../../src/engine/execute-op.js';
import { engine } from '../../../src/engine/start-engine.js';
import { tf } from '../../../src/engine/tfjs.js';
import { useTestEngine } from '../../helpers/engine.js';
import { valuesOf } from '../../helpers/recording.js';

useTestEngine();

const FLOAT = DATA_TYPES.float32;

function node(op: string, inputs: readonly GraphNode[] = [], more: Partial<GraphNode> = {}): GraphNode {
  return {
    op,
    attributes: [],
    inputs: inputs.map((input) => ({ node: input, index: 0 })),
    controls: [],
    outputs: [{ type: FLOAT, shape: [2] }],
    path: '',
    ...more,
  } as GraphNode;
}

function constant(value: ConstantValue): GraphNode {
  return node('Const', [], { constant: value, outputs: [{ type: value.type, shape: value.shape }] });
}

function graphOf(nodes: GraphNode[], results: GraphNode[] = []): RecordedGraph {
  return { arguments: [], nodes, results: results.map((result) => ({ node: result, index: 0 })) };
}

/** The public schema's numbers, written down here a second time. */
const WIRE = protobuf.Root.fromJSON(<protobuf.INamespace>{
  nested: {
    Dim: { fields: { size: { type: 'int64', id: 1 } } },
    Shape: { fields: { dim: { rule: 'repeated', type: 'Dim', id: 2 } } },
    Tensor: {
      fields: {
        dtype: { type: 'int32', id: 1 },
        shape: { type: 'Shape', id: 2 },
        content: { type: 'bytes', id: 4 },
        strings: { rule: 'repeated', type: 'bytes', id: 8 },
      },
    },
    List: {
      fields: {
        s: { rule: 'repeated', type: 'string', id: 2 },
        i: { rule: 'repeated', type: 'int64', id: 3 },
        f: { rule: 'repeated', type: 'float', id: 4 },
        b: { rule: 'repeated', type: 'bool', id: 5 },
        type: { rule: 'repeated', type: 'int32', id: 6 },
        shape: { rule: 'repeated', type: 'Shape', id: 7 },
      },
    },
    Names: { fields: { name: { type: 'string', id: 1 } } },
    Attr: {
      fields: {
        list: { type: 'List', id: 1 },
        s: { type: 'string', id: 2 },
        i: { type: 'int64', id: 3 },
        f: { type: 'float', id: 4 },
        b: { type: 'bool', id: 5 },
        type: { type: 'int32', id: 6 },
        shape: { type: 'Shape', id: 7 },
        tensor: { type: 'Tensor', id: 8 },
        func: { type: 'Names', id: 10 },
      },
    },
    Node: {
      fields: {
        name: { type: 'string', id: 1 },
        op: { type: 'string', id: 2 },
        input: { rule: 'repeated', type: 'string', id: 3 },
        attr: { keyType: 'string', type: 'Attr', id: 5 },
      },
    },
    Graph: { fields: { node: { rule: 'repeated', type: 'Node', id: 1 } } },
  },
}).lookupType('Graph');

interface Wire {
  readonly name: string;
  readonly op: string;
  readonly input?: readonly string[];
  readonly attr?: Record<string, object>;
}

function wireOf(graph: RecordedGraph): Wire[] {
  const { bytes } = encodeGraphDef(graph, engine().backend.binding);
  const decoded = WIRE.toObject(WIRE.decode(bytes), { longs: Number, bytes: String }) as { node: Wire[] };
  return decoded.node;
}

/** The attributes of an op that TensorFlow does not know, which are written as they are. */
function written(attributes: readonly OpAttribute[]): Record<string, object> {
  return wireOf(graphOf([node('AdjointTest', [], { attributes })]))[0]!.attr!;
}

describe('encodeGraphDef', () => {
  it('writes attributes of every kind, one and many', () => {
    const a = attribute;
    expect(
      written([
        a.string('string', 'β'),
        a.string('strings', ['a', '']),
        a.int('int', -(2 ** 40)),
        a.int('ints', [1, -1]),
        a.int('no-ints', []),
        a.float('float', 0.5),
        a.float('floats', [0.5, -2]),
        a.bool('no', false),
        a.bool('bools', [true, false]),
        a.type('type', 'float32'),
        a.type('types', ['int32', 'bool']),
        a.shape('scalar', []),
        a.shape('shape', [2, -1]),
        a.shape('shapes', [[2], []]),
        a.func('func', 'body'),
      ]),
    ).toEqual({
      string: { s: 'β' },
      strings: { list: { s: ['a', ''] } },
      int: { i: -(2 ** 40) },
      ints: { list: { i: [1, -1] } },
      'no-ints': { list: {} },
      float: { f: 0.5 },
      floats: { list: { f: [0.5, -2] } },
      no: { b: false },
      bools: { list: { b: [true, false] } },
      type: { type: FLOAT },
      types: { list: { type: [DATA_TYPES.int32, DATA_TYPES.bool] } },
      scalar: { shape: {} },
      shape: { shape: { dim: [{ size: 2 }, { size: -1 }] } },
      shapes: { list: { shape: [{ dim: [{ size: 2 }] }, {}] } },
      func: { func: { name: 'body' } },
    });
  });

  it('writes constants as TensorFlow keeps them', () => {
    const [numbers, strings] = wireOf(
      graphOf([
        constant({ type: FLOAT, shape: [1], content: new Uint8Array(Float32Array.of(1).buffer) }),
        constant({ type: DATA_TYPES.string, shape: [2], content: [Buffer.from('ab'), Buffer.from('')] }),
      ]),
    );
    const content = Buffer.from(Float32Array.of(1).buffer).toString('base64');
    expect(numbers!.attr!.value).toEqual({ tensor: { dtype: FLOAT, shape: { dim: [{ size: 1 }] }, content } });
    expect(strings!.attr!.value).toEqual({
      tensor: { dtype: DATA_TYPES.string, shape: { dim: [{ size: 2 }] }, strings: ['YWI=', ''] },
    });
  });

  it('names nodes by layer path, op and number, and edges by them', () => {
    const x = node('Placeholder', [], { path: 'body/dense 1' });
    const first = node('Neg', [x], { path: '_odd' });
    const second = node('Neg', [first], { controls: [x] });
    const wire = wireOf(graphOf([x, first, second]));
    expect(wire.map(({ name, input = [] }) => [name, ...input])).toEqual([
      ['body/dense_1/Placeholder_0'],
      ['layer_odd/Neg_1', 'body/dense_1/Placeholder_0:0'],
      ['Neg_2', 'layer_odd/Neg_1:0', '^body/dense_1/Placeholder_0'],
    ]);
  });

  it('is understood by TensorFlow: negative numbers, lists and large numbers come through', async () => {
    const x = tf.tensor2d([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const recorded = RecordedFunction.record('attributes', [x], () =>
      tf.tidy(() => {
        const axes = tf.tensor1d([-1], 'int32');
        const types = [attribute.type('T', 'float32'), attribute.type('Tidx', 'int32')];
        const [sum] = executeOp('Sum', [...types, attribute.bool('keep_dims', true)], [x, axes]);
        const squeezed = executeOp(
          'Squeeze',
          [attribute.type('T', 'float32'), attribute.int('squeeze_dims', [-1])],
          [sum!],
        );
        return [squeezed[0]!];
      }),
    );
    expect(await valuesOf(recorded, x)).toEqual([[6, 15]]);
    recorded.dispose();
    x.dispose();
  });

  it('of a graph that TensorFlow refuses is a TraceError with its words', () => {
    const graph = graphOf([node('AdjointNoSuchOp')]);
    expect(() => defineFunction('refused', graph)).toThrow(/TraceError \[no-graph-form\] refused[^]*AdjointNoSuchOp/);
  });
});

describe('completeAttributes', () => {
  const complete = (op: string, types: readonly number[], attributes: readonly OpAttribute[] = []) => {
    const inputs = types.map((type) => node('Const', [], { outputs: [{ type, shape: [] }] }));
    const definition = opDefinition(engine().backend.binding, op)!;
    const completed = completeAttributes(node(op, inputs, { attributes }), definition);
    return Object.fromEntries(completed.map(({ name, value }) => [name, value]));
  };
  const { int32, bool, float64 } = DATA_TYPES;

  it('adds types of inputs', () => {
    expect(complete('AddV2', [float64, float64])).toEqual({ T: float64 });
    expect(complete('Reshape', [FLOAT, int32])).toEqual({ T: FLOAT, Tshape: int32 });
  });

  it('keeps what is given', () => {
    expect(complete('Cast', [FLOAT], [attribute.type('DstT', 'bool')])).toEqual({ SrcT: FLOAT, DstT: bool });
    expect(complete('Identity', [FLOAT], [attribute.type('T', 'int32')])).toEqual({ T: int32 });
  });

  it('leaves out what the op does not know', () => {
    expect(complete('Neg', [FLOAT], [attribute.bool('invented', true)])).toEqual({ T: FLOAT });
  });

  it('counts lists of one type, of several lists and of mixed types', () => {
    expect(complete('Pack', [FLOAT, FLOAT, FLOAT])).toEqual({ N: 3, T: FLOAT });
    expect(complete('ConcatV2', [FLOAT, FLOAT, int32])).toEqual({ N: 2, T: FLOAT, Tidx: int32 });
    expect(complete('DynamicStitch', [int32, int32, FLOAT, FLOAT])).toEqual({ N: 2, T: FLOAT });
    expect(complete('Assert', [bool, FLOAT, int32])).toEqual({ T: [FLOAT, int32] });
  });

  it('knows every op of the library, and its outputs stay as they are', () => {
    expect(opDefinition(engine().backend.binding, 'AdjointNoSuchOp')).toBeUndefined();
    const kinds = Object.values(ATTRIBUTE_KINDS);
    for (const [name, value] of Object.entries(complete('Pack', [FLOAT]))) {
      expect([name, typeof value, kinds.length]).toEqual([name, 'number', 7]);
    }
  });
});
