import Table from 'cli-table3';
import { compareWorkload, type Effort, type WorkloadResult } from '../compare/compare-workload.js';
import type { PeerProcess } from '../compare/peer-process.js';
import { rounded } from '../compare/statistics.js';
import type { StepMemory } from '../peers/worker.js';
import type { MemoryWorkload } from './memory-workloads.js';

/** What one way of training takes, in megabytes of 10^6 bytes and milliseconds a step. */
export interface MemoryRow {
  /** Beside weights, state and batch; `null` where the framework keeps no records. */
  readonly peakMb: number | null;
  readonly rssMb: number;
  /** In the first step, the recording included. */
  readonly firstRssMb: number;
  readonly ms: number | null;
}

/** Times and memory of a workload by policy. */
export interface MemoryResult {
  readonly comparison: WorkloadResult;
  readonly rows: Readonly<Record<string, MemoryRow>>;
}

/** Times every policy in turns, and then measures what a step of each holds. */
export async function compareMemory(
  workload: MemoryWorkload,
  peers: readonly PeerProcess[],
  effort: Effort,
): Promise<MemoryResult> {
  const comparison = await compareWorkload(workload, peers, effort);
  const rows: Record<string, MemoryRow> = {};
  for (const peer of peers) {
    const measured = comparison.variants.find((variant) => variant.peer === peer.name)!;
    if (measured.note !== '') continue;
    const memory = await peer.request({ do: 'memory', variant: measured.variant });
    rows[peer.name] = rowOf(memory, measured.step?.median ?? null);
  }
  return { comparison, rows };
}

function rowOf({ peak, resident, residentAtFirst }: StepMemory, ms: number | null): MemoryRow {
  const megabytes = (bytes: number): number => rounded(bytes / 1e6);
  return {
    peakMb: peak === null ? null : megabytes(peak),
    rssMb: megabytes(resident),
    firstRssMb: megabytes(residentAtFirst),
    ms: ms === null ? null : rounded(ms),
  };
}

/** One row a policy, each beside the same framework without checkpoints. */
export function memoryTable({ comparison, rows }: MemoryResult): string {
  const table = new Table({
    head: ['policy', 'peak MB', 'of none', 'RSS MB', 'of none', 'first step', 'ms a step', 'of none', 'error', ''],
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'right', 'right', 'right', 'left'],
    style: { head: [], border: [], compact: true },
  });
  for (const { peer, relativeError, note } of comparison.variants) {
    const row = rows[peer];
    const none = rows[peer.startsWith('torch') ? 'torch-none' : 'none'];
    const error = relativeError === null ? '-' : relativeError.toExponential(0);
    const part = (of: (row: MemoryRow) => number | null): string =>
      row && none && of(row) !== null && of(none) ? (of(row)! / of(none)!).toFixed(2) : '-';
    table.push([
      peer,
      row?.peakMb ?? '-',
      part(({ peakMb }) => peakMb),
      row?.rssMb ?? '-',
      part(({ rssMb }) => rssMb),
      row?.firstRssMb ?? '-',
      row?.ms ?? '-',
      part(({ ms }) => ms),
      error,
      note,
    ]);
  }
  const [before, after] = comparison.load.map((load) => load.toFixed(1));
  return `\n${comparison.workload.key}: ${comparison.workload.title} (load ${before} to ${after})\n${table.toString()}`;
}
