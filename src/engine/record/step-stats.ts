import protobuf from 'protobufjs/light.js';

/**
 * The part of TensorFlow's RunMetadata that tells what each op took.
 * @see https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/framework/step_stats.proto
 */
const SCHEMA = {
  nested: {
    AllocationRecord: {
      fields: { allocMicros: { type: 'int64', id: 1 }, allocBytes: { type: 'int64', id: 2 } },
    },
    AllocatorMemoryUsed: {
      fields: { allocationRecords: { rule: 'repeated', type: 'AllocationRecord', id: 6 } },
    },
    NodeExecStats: {
      fields: {
        nodeName: { type: 'string', id: 1 },
        memory: { rule: 'repeated', type: 'AllocatorMemoryUsed', id: 6 },
        timelineLabel: { type: 'string', id: 8 },
        allStartNanos: { type: 'int64', id: 13 },
        opStartRelNanos: { type: 'int64', id: 14 },
        opEndRelNanos: { type: 'int64', id: 15 },
      },
    },
    DeviceStepStats: {
      fields: {
        device: { type: 'string', id: 1 },
        nodeStats: { rule: 'repeated', type: 'NodeExecStats', id: 2 },
      },
    },
    StepStats: { fields: { devStats: { rule: 'repeated', type: 'DeviceStepStats', id: 1 } } },
    RunMetadata: { fields: { stepStats: { type: 'StepStats', id: 1 } } },
  },
};

interface RunMetadata {
  readonly stepStats: {
    readonly devStats: readonly {
      readonly device: string;
      readonly nodeStats: readonly {
        readonly nodeName: string;
        readonly memory: readonly {
          readonly allocationRecords: readonly { readonly allocMicros: number; readonly allocBytes: number }[];
        }[];
        readonly timelineLabel: string;
        readonly allStartNanos: number;
        readonly opStartRelNanos: number;
        readonly opEndRelNanos: number;
      }[];
    }[];
  } | null;
}

/** Memory that an op took, or gave back where `bytes` is negative, which may be long after it ran. */
export interface Allocation {
  readonly atMicroseconds: number;
  readonly bytes: number;
}

/** One execution of one node. */
export interface NodeStats {
  /** Name in the graph that was run in the end: TensorFlow fuses, renames and adds nodes. */
  readonly name: string;
  /** Op that was run; `''` where TensorFlow does not say. */
  readonly op: string;
  /** Since an arbitrary moment. */
  readonly startMicroseconds: number;
  readonly microseconds: number;
  readonly allocations: readonly Allocation[];
}

/** Reads a serialised RunMetadata. */
export function decodeStepStats(bytes: Uint8Array): NodeStats[] {
  const type = protobuf.Root.fromJSON(SCHEMA).lookupType('RunMetadata');
  const metadata = type.toObject(type.decode(bytes), { longs: Number, defaults: true }) as RunMetadata;
  const devices = metadata.stepStats?.devStats ?? [];
  // A GPU's streams list the same ops a second time, as they ran there.
  return devices
    .filter(({ device }) => !/\/(stream|memcpy)/.test(device))
    .flatMap(({ nodeStats }) =>
      nodeStats.map((node) => ({
        name: node.nodeName,
        // `[cpu 1.0MB 2.0MB] body/Conv2D_3 = _FusedConv2D(...)`
        op: / = (\w+)\(/.exec(node.timelineLabel)?.[1] ?? '',
        startMicroseconds: (node.allStartNanos + node.opStartRelNanos) / 1000,
        microseconds: (node.opEndRelNanos - node.opStartRelNanos) / 1000,
        allocations: node.memory.flatMap(({ allocationRecords }) =>
          allocationRecords.map(({ allocMicros, allocBytes }) => ({ atMicroseconds: allocMicros, bytes: allocBytes })),
        ),
      })),
    );
}
