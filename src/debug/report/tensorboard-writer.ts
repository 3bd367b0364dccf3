import { closeSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs/light.js';
import type { Histogram } from '../../training/probe-contract.js';

/**
 * The part of TensorFlow's Event that is written.
 * @see https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/util/event.proto
 */
const SCHEMA = {
  nested: {
    HistogramProto: {
      fields: {
        min: { type: 'double', id: 1 },
        max: { type: 'double', id: 2 },
        num: { type: 'double', id: 3 },
        sum: { type: 'double', id: 4 },
        sumSquares: { type: 'double', id: 5 },
        bucketLimit: { rule: 'repeated', type: 'double', id: 6, options: { packed: true } },
        bucket: { rule: 'repeated', type: 'double', id: 7, options: { packed: true } },
      },
    },
    Value: {
      oneofs: { value: { oneof: ['simpleValue', 'histo'] } },
      fields: {
        tag: { type: 'string', id: 1 },
        simpleValue: { type: 'float', id: 2 },
        histo: { type: 'HistogramProto', id: 5 },
      },
    },
    Summary: { fields: { value: { rule: 'repeated', type: 'Value', id: 1 } } },
    Event: {
      oneofs: { what: { oneof: ['fileVersion', 'summary'] } },
      fields: {
        wallTime: { type: 'double', id: 1 },
        step: { type: 'int64', id: 2 },
        fileVersion: { type: 'string', id: 3 },
        summary: { type: 'Summary', id: 5 },
      },
    },
  },
};

/** Marks the files that a later run may take away. */
const SUFFIX = '.adjoint';
/** Castagnoli's polynomial, its bits reversed. */
const POLYNOMIAL = 0x82f63b78;
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
  return crc;
});

/** Writes scalars and histograms as TensorBoard reads them. */
export class TensorBoardWriter {
  private readonly file: number;
  private readonly event = protobuf.Root.fromJSON(SCHEMA).lookupType('Event');

  /**
   * @param folder - a folder that exists
   * @param goesOn - whether what an earlier run wrote stays; else it is removed, because a folder holds one run
   */
  constructor(folder: string, goesOn: boolean) {
    for (const name of readdirSync(folder)) {
      if (!goesOn && /^events\.out\.tfevents\./.test(name) && name.endsWith(SUFFIX)) rmSync(join(folder, name));
    }
    const seconds = String(Math.floor(Date.now() / 1000)).padStart(10, '0');
    this.file = openSync(join(folder, `events.out.tfevents.${seconds}.${process.pid}${SUFFIX}`), 'a');
    this.write({ fileVersion: 'brain.Event:2' });
  }

  /** @param histograms - their sums are taken from the middles of the bins */
  add(
    step: number,
    scalars: Readonly<Record<string, number>>,
    histograms: Readonly<Record<string, Histogram>> = {},
  ): void {
    const value = [
      ...Object.entries(scalars).map(([tag, simpleValue]) => ({ tag, simpleValue })),
      ...Object.entries(histograms).map(([tag, histogram]) => ({ tag, histo: toProto(histogram) })),
    ];
    if (value.length > 0) this.write({ step, summary: { value } });
  }

  close(): void {
    closeSync(this.file);
  }

  /** A record is its length, that length's checksum, the data and its checksum. */
  private write(content: object): void {
    const data = this.event.encode(this.event.fromObject({ wallTime: Date.now() / 1000, ...content })).finish();
    const record = Buffer.alloc(data.length + 16);
    record.writeBigUInt64LE(BigInt(data.length));
    record.writeUInt32LE(maskedChecksum(record.subarray(0, 8)), 8);
    record.set(data, 12);
    record.writeUInt32LE(maskedChecksum(data), data.length + 12);
    writeSync(this.file, record);
  }
}

/** CRC-32C, turned and shifted, because a checksum of data that hold checksums says little. */
export function maskedChecksum(bytes: Uint8Array): number {
  const crc = ~bytes.reduce((sum, byte) => (sum >>> 8) ^ CRC_TABLE[(sum ^ byte) & 255]!, ~0) >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

function toProto({ min, max, counts }: Histogram): object {
  const width = (max - min) / counts.length;
  const num = counts.reduce((sum, count) => sum + count, 0);
  // Values that are all alike lie in one bin without width.
  if (width === 0)
    return { min, max, num, sum: num * min, sumSquares: num * min ** 2, bucketLimit: [max], bucket: [num] };
  const middle = counts.map((_, i) => min + (i + 0.5) * width);
  return {
    min,
    max,
    num,
    sum: counts.reduce((sum, count, i) => sum + count * middle[i]!, 0),
    sumSquares: counts.reduce((sum, count, i) => sum + count * middle[i]! ** 2, 0),
    bucketLimit: counts.map((_, i) => (i === counts.length - 1 ? max : min + (i + 1) * width)),
    bucket: counts,
  };
}
