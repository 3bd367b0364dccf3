import protobuf from 'protobufjs/light.js';
import type { TensorFlowBinding } from '../ffi/tensorflow-binding.js';

/**
 * The fields of TensorFlow's OpDef that tell which attributes follow from the inputs.
 * @see https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/framework/op_def.proto
 */
const SCHEMA = {
  nested: {
    ArgDef: {
      fields: {
        name: { type: 'string', id: 1 },
        type: { type: 'int32', id: 3 },
        typeAttr: { type: 'string', id: 4 },
        numberAttr: { type: 'string', id: 5 },
        typeListAttr: { type: 'string', id: 6 },
      },
    },
    AttrDef: {
      fields: {
        name: { type: 'string', id: 1 },
        type: { type: 'string', id: 2 },
        defaultValue: { type: 'bytes', id: 3 },
      },
    },
    OpDef: {
      fields: {
        name: { type: 'string', id: 1 },
        inputArg: { rule: 'repeated', type: 'ArgDef', id: 2 },
        attr: { rule: 'repeated', type: 'AttrDef', id: 4 },
      },
    },
    OpList: { fields: { op: { rule: 'repeated', type: 'OpDef', id: 1 } } },
  },
};

/** An input of an op: one tensor, or as many as `numberAttr` or `typeListAttr` says. */
export interface InputDefinition {
  readonly name: string;
  readonly typeAttr: string;
  readonly numberAttr: string;
  readonly typeListAttr: string;
}

/** What TensorFlow says of an op. */
export interface OpDefinition {
  readonly inputArg: readonly InputDefinition[];
  readonly attr: readonly { readonly name: string; readonly type: string; readonly defaultValue: Uint8Array }[];
}

let definitions: Map<string, OpDefinition> | undefined;

/** TensorFlow's definition of an op; all are decoded at the first question. */
export function opDefinition(binding: TensorFlowBinding, op: string): OpDefinition | undefined {
  if (definitions === undefined) {
    const type = protobuf.Root.fromJSON(SCHEMA).lookupType('OpList');
    const { op: all } = type.decode(binding.allOpDefinitions()) as unknown as {
      op: (OpDefinition & { name: string })[];
    };
    definitions = new Map(all.map((definition) => [definition.name, definition]));
  }
  return definitions.get(op);
}
