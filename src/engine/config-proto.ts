import protobuf from 'protobufjs/light.js';

/**
 * The fields of TensorFlow's ConfigProto that Adjoint sets.
 * @see https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/protobuf/config.proto
 */
const SCHEMA = {
  nested: {
    VirtualDevices: { fields: { memoryLimitMb: { rule: 'repeated', type: 'float', id: 1 } } },
    ExperimentalGpuOptions: { fields: { virtualDevices: { rule: 'repeated', type: 'VirtualDevices', id: 1 } } },
    GpuOptions: {
      fields: {
        allowGrowth: { type: 'bool', id: 4 },
        experimental: { type: 'ExperimentalGpuOptions', id: 9 },
      },
    },
    ConfigProto: {
      fields: {
        intraOpParallelismThreads: { type: 'int32', id: 2 },
        interOpParallelismThreads: { type: 'int32', id: 5 },
        gpuOptions: { type: 'GpuOptions', id: 6 },
      },
    },
  },
};

export interface ConfigFields {
  readonly intraOpParallelismThreads?: number;
  readonly interOpParallelismThreads?: number;
  readonly gpuOptions?: {
    readonly allowGrowth?: boolean;
    readonly experimental?: { readonly virtualDevices: readonly { readonly memoryLimitMb: readonly number[] }[] };
  };
}

/** A serialised ConfigProto; unset fields are left out, so that TensorFlow's defaults hold. */
export function encodeConfigProto(fields: ConfigFields): Uint8Array {
  const type = protobuf.Root.fromJSON(SCHEMA).lookupType('ConfigProto');
  return type.encode(type.fromObject(fields)).finish();
}
