import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import '../../src/container.js';
import { DebugReport } from '../../src/debug/report/debug-report.js';
import { maskedChecksum, TensorBoardWriter } from '../../src/debug/report/tensorboard-writer.js';
import { useTestEngine } from '../helpers/engine.js';
import { linearData, smallModel } from '../helpers/models.js';

const root = mkdtempSync(join(tmpdir(), 'adjoint-events-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** What TensorBoard's own reader finds. */
const READER = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1], size_guidance={'scalars': 0, 'histograms': 0})
events.Reload()
tags = events.Tags()
print(json.dumps({
    'scalars': {tag: [[e.step, e.value if e.value == e.value else None] for e in events.Scalars(tag)] for tag in tags['scalars']},
    'histograms': {tag: [[e.step, list(e.histogram_value.bucket_limit), list(e.histogram_value.bucket)]
                         for e in events.Histograms(tag)] for tag in tags['histograms']},
}))
`;

/** A Python that has TensorBoard; ADJOINT_TENSORBOARD_PYTHON may name one. */
function findPython(): string | undefined {
  const names = [process.env['ADJOINT_TENSORBOARD_PYTHON'], '.cache/bench-venv/bin/python', 'python3', 'python'];
  return names
    .filter((name): name is string => name !== undefined && (!name.includes('/') || existsSync(name)))
    .find((name) => spawnSync(name, ['-c', 'import tensorboard'], { stdio: 'ignore' }).status === 0);
}

/** The framed records of a file, each checked by its checksums. */
function recordsOf(folder: string): Buffer[] {
  const [name] = readdirSync(folder);
  const bytes = readFileSync(join(folder, name!));
  const records: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = Number(bytes.readBigUInt64LE(at));
    const data = bytes.subarray(at + 12, at + 12 + length);
    expect(bytes.readUInt32LE(at + 8)).toBe(maskedChecksum(bytes.subarray(at, at + 8)));
    expect(bytes.readUInt32LE(at + 12 + length)).toBe(maskedChecksum(data));
    records.push(data);
    at += length + 16;
  }
  return records;
}

describe('TensorBoard event files', () => {
  useTestEngine();

  it('have the checksums of CRC-32C, masked', () => {
    // 123456789 has the check value 0xe3069283 in every catalogue of checksums.
    const crc = 0xe3069283;
    expect(maskedChecksum(Buffer.from('123456789'))).toBe((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0);
  });

  it('are framed, and whole after each event', () => {
    const folder = mkdtempSync(join(root, 'framed-'));
    const writer = new TensorBoardWriter(folder, false);
    expect(recordsOf(folder)).toHaveLength(1);
    expect(recordsOf(folder)[0]!.includes('brain.Event:2')).toBe(true);
    writer.add(0, { loss: 0.5 });
    writer.add(1, {});
    writer.add(2, { loss: NaN }, { weights: { min: 1, max: 1, counts: [3, 0] } });
    expect(recordsOf(folder)).toHaveLength(3);
    writer.close();
    new TensorBoardWriter(folder, true).close();
    expect(readdirSync(folder).length).toBeGreaterThanOrEqual(1);
    new TensorBoardWriter(folder, false).close();
    expect(readdirSync(folder)).toHaveLength(1);
    expect(recordsOf(folder)).toHaveLength(1);
  });

  it("are read by TensorBoard's own reader", async () => {
    const directory = mkdtempSync(join(root, 'run-'));
    const model = smallModel();
    model.compile({ optimizer: 'adam', loss: 'meanSquaredError', metrics: ['mean'], seed: 1 });
    const { x, y } = linearData(32);
    const report = new DebugReport({ directory, every: 2 });
    const { history, probes } = await model.fit(x, y, { epochs: 3, batchSize: 8, verbose: 0, callbacks: [report] });
    model.dispose();
    const folder = join(directory, 'tensorboard');
    expect(recordsOf(folder).length).toBe(1 + probes.length + 3);

    const python = findPython();
    if (python === undefined) {
      console.warn('SKIPPED: no Python with TensorBoard found; event files were not read by its own reader');
      return;
    }
    const { stdout, stderr, status } = spawnSync(python, ['-c', READER, folder], { encoding: 'utf8' });
    expect([status, status === 0 ? '' : stderr]).toEqual([0, '']);
    const read = JSON.parse(stdout) as {
      scalars: Record<string, [step: number, value: number][]>;
      histograms: Record<string, [step: number, limits: number[], counts: number[]][]>;
    };
    const rounded = (values: readonly number[]): number[] => values.map(Math.fround);
    expect(read.scalars['loss']!.map(([, value]) => value)).toEqual(rounded(history['loss']!));
    expect(read.scalars['loss']!.map(([step]) => step)).toEqual([4, 8, 12]);
    expect(read.scalars['gradientNorm/dense/kernel']).toEqual(
      probes.map(({ totalSteps, weights }) => [totalSteps, Math.fround(weights['dense/kernel']!.gradientNorm!)]),
    );
    const kernels = read.histograms['weights/dense/kernel']!;
    expect(kernels.map(([step]) => step)).toEqual([0, 4, 8]);
    for (const [, limits, counts] of kernels) {
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(12);
      expect(limits.toSorted((a, b) => a - b)).toEqual(limits);
    }
    expect(Object.keys(read.histograms).filter((tag) => tag.startsWith('outputs/'))).toContain('outputs/dense');
  });
});
