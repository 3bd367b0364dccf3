import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Variant } from '../peers/worker.js';
import { LARGEST_ERROR, LARGEST_HALF_ERROR, relativeError, type Computed } from './agreement.js';
import type { PeerProcess } from './peer-process.js';
import { spreadOf, type Spread } from './statistics.js';
import { memoryOf, type Task } from './task.js';
import { writeTask } from './write-task.js';
import type { Workload } from './workloads.js';

/** How often and how long is measured. */
export interface Effort {
  readonly rounds: number;
  /** Length that one measurement aims at; whole epochs, at least one. */
  readonly secondsPerMeasurement: number;
  readonly folder: string;
}

/** What one way of training in one framework came to. */
export interface VariantResult {
  readonly peer: string;
  readonly variant: string;
  readonly extra: boolean;
  /** Against the reference, from common weights on a common batch. */
  readonly relativeError: number | null;
  /** Milliseconds a step; `null` where it was not timed. */
  readonly step: Spread | null;
  readonly milliseconds: readonly number[];
  /** Why there is no time, or why there is only the one of the warm-up. */
  readonly note: string;
}

/** All times of one workload. */
export interface WorkloadResult {
  readonly workload: Workload;
  readonly variants: readonly VariantResult[];
  /** One-minute load average before and after. */
  readonly load: readonly [before: number, after: number];
}

/** A variant that needs this many times as long as its framework's fastest one is timed in the warm-up only. */
const TOO_SLOW = 1.8;
/** Between two measurements the thread pools of the last peer go to sleep. */
const PAUSE_MILLISECONDS = 250;

interface Entry {
  readonly peer: PeerProcess;
  readonly variant: Variant;
  relativeError: number | null;
  epochs: number;
  warm: number;
  milliseconds: number[];
  note: string;
}

/** Checks that all peers compute the same, warms them up, and times them in turns. */
export async function compareWorkload(
  workload: Workload,
  peers: readonly PeerProcess[],
  effort: Effort,
): Promise<WorkloadResult> {
  const before = loadavg()[0]!;
  const task = writeTask(workload, effort.folder);
  const entries: Entry[] = [];
  for (const peer of peers) {
    const { variants } = await peer.request({ do: 'load', task, precision: peer.precision });
    entries.push(
      ...variants.map((variant) => ({
        peer,
        variant,
        relativeError: null,
        epochs: 1,
        warm: Infinity,
        milliseconds: [],
        note: '',
      })),
    );
  }
  await checkAgreement(entries, task, effort.folder);
  for (const entry of entries) await warmUp(entry, task, effort.secondsPerMeasurement);
  leaveOutSlowOnes(entries);
  for (let round = 0; round < effort.rounds; round++) {
    for (const entry of entries.filter(({ note }) => note === '')) {
      await sleep(PAUSE_MILLISECONDS);
      entry.milliseconds.push(await timeSteps(entry, task, entry.epochs));
    }
  }
  return { workload, variants: entries.map(toResult), load: [before, loadavg()[0]!] };
}

async function checkAgreement(entries: readonly Entry[], task: Task, folder: string): Promise<void> {
  const gradientsFile = join(folder, 'gradients.bin');
  let reference: Computed | undefined;
  for (const entry of entries) {
    const { peer, variant } = entry;
    try {
      await peer.request({ do: 'prepare', variant: variant.name });
      const { loss } = await peer.request({ do: 'check', variant: variant.name, gradientsFile });
      const computed = { loss, gradients: new Float32Array(memoryOf(gradientsFile)) };
      // The first peer's first way of training, Adjoint's in float32, is what the others are checked against.
      reference ??= computed;
      entry.relativeError = relativeError(computed, reference, task.weights);
      if (entry.relativeError > (peer.precision === 'float32' ? LARGEST_ERROR : LARGEST_HALF_ERROR)) {
        entry.note = `not timed: relative error ${entry.relativeError.toExponential(1)}`;
      }
    } catch (error) {
      entry.note = `not available: ${lastLine(error)}`;
    }
  }
}

async function warmUp(entry: Entry, task: Task, seconds: number): Promise<void> {
  if (entry.note !== '') return;
  try {
    await timeSteps(entry, task, 1);
    const { stepsPerEpoch } = task.workload;
    // Once more: the first epoch compiled.
    const rough = await timeSteps(entry, task, 1);
    entry.epochs = Math.max(1, Math.round((1000 * seconds) / (rough * stepsPerEpoch)));
    // The better of two: one disturbed measurement must not leave a variant out.
    entry.warm = Math.min(rough, await timeSteps(entry, task, entry.epochs));
  } catch (error) {
    entry.note = `failed: ${lastLine(error)}`;
  }
}

function leaveOutSlowOnes(entries: readonly Entry[]): void {
  for (const entry of entries) {
    const ofPeer = entries.filter(({ peer }) => peer === entry.peer);
    const fastest = Math.min(...ofPeer.map(({ warm }) => warm));
    // A peer's first variant is its default, which is always of interest.
    if (entry === ofPeer[0] || entry.note !== '' || entry.warm <= TOO_SLOW * fastest) continue;
    entry.note = 'one measurement only: far behind';
    entry.milliseconds.push(entry.warm);
  }
}

/** Milliseconds a step. */
async function timeSteps({ peer, variant }: Entry, task: Task, epochs: number): Promise<number> {
  const { seconds } = await peer.request({ do: 'run', variant: variant.name, epochs });
  return (1000 * seconds) / (epochs * task.workload.stepsPerEpoch);
}

function toResult({ peer, variant, relativeError: error, milliseconds, note }: Entry): VariantResult {
  return {
    peer: peer.name,
    variant: variant.name,
    extra: variant.extra === true,
    relativeError: error,
    step: milliseconds.length === 0 ? null : spreadOf(milliseconds),
    milliseconds,
    note,
  };
}

function lastLine(error: unknown): string {
  const lines = (error instanceof Error ? error.message : String(error)).trim().split('\n');
  return lines.at(-1)!.slice(0, 120);
}
