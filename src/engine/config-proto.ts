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
    OptimizerOptions: { fields: { optLevel: { type: 'int32', id: 3 } } },
    RewriterConfig: { fields: { disableMetaOptimizer: { type: 'bool', id: 19 } } },
    GraphOptions: {
      fields: {
        optimizerOptions: { type: 'OptimizerOptions', id: 3 },
        rewriteOptions: { type: 'RewriterConfig', id: 10 },
      },
    },
    ConfigProto: {
      fields: {
        intraOpParallelismThreads: { type: 'int32', id: 2 },
        interOpParallelismThreads: { type: 'int32', id: 5 },
        gpuOptions: { type: 'GpuOptions', id: 6 },
        graphOptions: { type: 'GraphOptions', id: 10 },
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
  readonly graphOptions?: {
    readonly optimizerOptions: { readonly optLevel: number };
    readonly rewriteOptions: { readonly disableMetaOptimizer: boolean };
  };
}

/** A graph is run node by node as it is written: nothing is fused, folded or simplified. */
export const AS_WRITTEN: ConfigFields['graphOptions'] = {
  optimizerOptions: { optLevel: -1 },
  rewriteOptions: { disableMetaOptimizer: true },
};

/** A serialised ConfigProto; unset fields are left out, so that TensorFlow's defaults hold. */
export function encodeConfigProto(fields: ConfigFields): Uint8Array {
  const type = protobuf.Root.fromJSON(SCHEMA).lookupType('ConfigProto');
  return type.encode(type.fromObject(fields)).finish();
}
