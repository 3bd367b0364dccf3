import protobuf from 'protobufjs/light.js';
import { engine } from '../start-engine.js';
import { encodeGraphDef } from './graph-def.js';
import type { GraphOutput, RecordedGraph } from './recorded-graph.js';

/**
 * The part of TensorFlow's SavedModel that is written.
 * @see https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/protobuf/saved_model.proto
 */
const SCHEMA = {
  nested: {
    Dimension: { fields: { size: { type: 'int64', id: 1 } } },
    Shape: { fields: { dim: { rule: 'repeated', type: 'Dimension', id: 2 } } },
    TensorInfo: {
      fields: {
        name: { type: 'string', id: 1 },
        dtype: { type: 'int32', id: 2 },
        tensorShape: { type: 'Shape', id: 3 },
      },
    },
    Signature: {
      fields: {
        inputs: { keyType: 'string', type: 'TensorInfo', id: 1 },
        outputs: { keyType: 'string', type: 'TensorInfo', id: 2 },
        methodName: { type: 'string', id: 3 },
      },
    },
    MetaInfo: {
      fields: {
        tags: { rule: 'repeated', type: 'string', id: 4 },
        tensorflowVersion: { type: 'string', id: 5 },
      },
    },
    MetaGraph: {
      fields: {
        info: { type: 'MetaInfo', id: 1 },
        // A GraphDef, which is encoded already.
        graph: { type: 'bytes', id: 2 },
        signatures: { keyType: 'string', type: 'Signature', id: 5 },
      },
    },
    SavedModel: {
      fields: { version: { type: 'int64', id: 1 }, metaGraphs: { rule: 'repeated', type: 'MetaGraph', id: 2 } },
    },
  },
};

const SAVED_MODEL_VERSION = 1;

/**
 * A graph of one argument and one result as the content of `saved_model.pb`, tagged `serve`, with the signature
 * `serving_default`.
 *
 * @param outputShape - of the result, with -1 for the batch
 */
export function encodeSavedModel(graph: RecordedGraph, outputShape: readonly number[]): Uint8Array {
  const { backend, version } = engine();
  const { bytes, names } = encodeGraphDef(graph, backend.binding);
  const info = ({ node, index }: GraphOutput, shape: readonly number[]): object => ({
    name: `${names.get(node)!}:${index}`,
    dtype: node.outputs[index]!.type,
    tensorShape: { dim: shape.map((size) => ({ size })) },
  });
  const argument = graph.arguments[0]!;
  const signature = {
    inputs: { inputs: info({ node: argument, index: 0 }, argument.outputs[0]!.shape) },
    outputs: { outputs: info(graph.results[0]!, outputShape) },
    methodName: 'tensorflow/serving/predict',
  };
  const metaGraph = {
    info: { tags: ['serve'], tensorflowVersion: version },
    graph: bytes,
    signatures: { serving_default: signature },
  };
  const type = protobuf.Root.fromJSON(SCHEMA).lookupType('SavedModel');
  return type.encode(type.fromObject({ version: SAVED_MODEL_VERSION, metaGraphs: [metaGraph] })).finish();
}
