import protobuf from 'protobufjs/light.js';
import { DATA_TYPES } from '../ffi/data-types.js';
import { ATTRIBUTE_KINDS, type OpAttribute } from '../ffi/op-attributes.js';
import type { TensorFlowBinding } from '../ffi/tensorflow-binding.js';
import { completeAttributes } from './complete-attributes.js';
import { opDefinition } from './op-definitions.js';
import type { ConstantValue, GraphNode, RecordedGraph } from './recorded-graph.js';

/**
 * The part of TensorFlow's GraphDef that is written.
 * @see https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/framework/graph.proto
 */
const SCHEMA = {
  nested: {
    Dimension: { fields: { size: { type: 'int64', id: 1 } } },
    Shape: { fields: { dim: { rule: 'repeated', type: 'Dimension', id: 2 } } },
    TensorProto: {
      fields: {
        dtype: { type: 'int32', id: 1 },
        tensorShape: { type: 'Shape', id: 2 },
        tensorContent: { type: 'bytes', id: 4 },
        stringVal: { rule: 'repeated', type: 'bytes', id: 8 },
      },
    },
    ListValue: {
      fields: {
        s: { rule: 'repeated', type: 'bytes', id: 2 },
        i: { rule: 'repeated', type: 'int64', id: 3 },
        f: { rule: 'repeated', type: 'float', id: 4 },
        b: { rule: 'repeated', type: 'bool', id: 5 },
        type: { rule: 'repeated', type: 'int32', id: 6 },
        shape: { rule: 'repeated', type: 'Shape', id: 7 },
      },
    },
    NameList: { fields: { name: { type: 'string', id: 1 } } },
    AttrValue: {
      oneofs: { value: { oneof: ['list', 's', 'i', 'f', 'b', 'type', 'shape', 'tensor', 'func'] } },
      fields: {
        list: { type: 'ListValue', id: 1 },
        s: { type: 'bytes', id: 2 },
        i: { type: 'int64', id: 3 },
        f: { type: 'float', id: 4 },
        b: { type: 'bool', id: 5 },
        type: { type: 'int32', id: 6 },
        shape: { type: 'Shape', id: 7 },
        tensor: { type: 'TensorProto', id: 8 },
        func: { type: 'NameList', id: 10 },
      },
    },
    NodeDef: {
      fields: {
        name: { type: 'string', id: 1 },
        op: { type: 'string', id: 2 },
        input: { rule: 'repeated', type: 'string', id: 3 },
        device: { type: 'string', id: 4 },
        attr: { keyType: 'string', type: 'AttrValue', id: 5 },
      },
    },
    Versions: { fields: { producer: { type: 'int32', id: 1 } } },
    GraphDef: {
      fields: {
        node: { rule: 'repeated', type: 'NodeDef', id: 1 },
        versions: { type: 'Versions', id: 4 },
      },
    },
  },
};

/** The oldest version that TensorFlow 2.16 and later produce and accept. */
const PRODUCER = 1994;

/** A graph in TensorFlow's own form, with the name that each node was given. */
export interface GraphDefinition {
  readonly bytes: Uint8Array;
  readonly names: ReadonlyMap<GraphNode, string>;
}

const encoder = new TextEncoder();

/** Writes a recorded graph down as a serialised GraphDef. */
export function encodeGraphDef(graph: RecordedGraph, binding: TensorFlowBinding): GraphDefinition {
  const names = nameNodes(graph);
  const node = graph.nodes.map((recorded) => ({
    name: names.get(recorded)!,
    op: recorded.op,
    input: [
      ...recorded.inputs.map(({ node: input, index }) => `${names.get(input)!}:${index}`),
      ...recorded.controls.map((control) => `^${names.get(control)!}`),
    ],
    attr: Object.fromEntries(attributesOf(recorded, binding)),
  }));
  const type = protobuf.Root.fromJSON(SCHEMA).lookupType('GraphDef');
  return { bytes: type.encode(type.fromObject({ node, versions: { producer: PRODUCER } })).finish(), names };
}

/** `body/conv2d/Conv2D_3`: the layer's path, the op, and a number that makes it unique. */
function nameNodes(graph: RecordedGraph): Map<GraphNode, string> {
  return new Map(
    graph.nodes.map((node, i) => {
      const path = node.path.replace(/[^\w./-]/g, '_');
      const scope = /^[A-Za-z0-9.]/.test(path) ? `${path}/` : path === '' ? '' : `layer${path}/`;
      return [node, `${scope}${node.op}_${i}`];
    }),
  );
}

function attributesOf(node: GraphNode, binding: TensorFlowBinding): [string, object][] {
  const [output] = node.outputs;
  if (node.constant !== undefined) {
    return [
      ['dtype', { type: node.constant.type }],
      ['value', { tensor: tensorProto(node.constant) }],
    ];
  }
  if (node.op === 'Placeholder') {
    return [
      ['dtype', { type: output!.type }],
      ['shape', { shape: shapeProto(output!.shape) }],
    ];
  }
  const definition = opDefinition(binding, node.op);
  const attributes = definition === undefined ? node.attributes : completeAttributes(node, definition);
  return attributes.map((attribute) => [attribute.name, attributeValue(attribute)]);
}

function attributeValue({ type, value }: OpAttribute): object {
  const isShapeList =
    type === ATTRIBUTE_KINDS.shape && Array.isArray(value) && value.some((entry) => Array.isArray(entry));
  const list = Array.isArray(value) && (type !== ATTRIBUTE_KINDS.shape || isShapeList);
  const one = (entry: unknown): unknown => {
    if (type === ATTRIBUTE_KINDS.string) return encoder.encode(entry as string);
    return type === ATTRIBUTE_KINDS.shape ? shapeProto(entry as number[]) : entry;
  };
  const field = FIELDS[type]!;
  if (field === 'func') return { func: { name: value } };
  return list ? { list: { [field]: (value as unknown[]).map(one) } } : { [field]: one(value) };
}

const FIELDS: Readonly<Record<number, string>> = {
  [ATTRIBUTE_KINDS.string]: 's',
  [ATTRIBUTE_KINDS.int]: 'i',
  [ATTRIBUTE_KINDS.float]: 'f',
  [ATTRIBUTE_KINDS.bool]: 'b',
  [ATTRIBUTE_KINDS.type]: 'type',
  [ATTRIBUTE_KINDS.shape]: 'shape',
  [ATTRIBUTE_KINDS.func]: 'func',
};

function tensorProto({ type, shape, content }: ConstantValue): object {
  const proto = { dtype: type, tensorShape: shapeProto(shape) };
  return type === DATA_TYPES.string ? { ...proto, stringVal: content } : { ...proto, tensorContent: content };
}

function shapeProto(shape: readonly number[]): object {
  return { dim: shape.map((size) => ({ size })) };
}
