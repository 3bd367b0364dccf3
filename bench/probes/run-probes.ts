import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ProbeResults } from './probes.js';

const script = fileURLToPath(new URL('../probe.ts', import.meta.url));

/** Runs probes, each in a process of its own, one after the other. */
export async function runProbes(
  names: readonly string[],
  report: (name: string, numbers: Readonly<Record<string, number>>) => void,
): Promise<ProbeResults> {
  const results: ProbeResults = {};
  for (const name of names) {
    const numbers = probeInProcess(name);
    results[name] = numbers;
    report(name, numbers);
  }
  return results;
}

/** A probe's numbers, measured in a new process; probes call it for parts that need one of their own. */
export function probeInProcess(name: string, part = ''): Record<string, number> {
  const args = [...process.execArgv, script, name, part];
  const { status, stdout } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`probe ${name} failed`);
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Record<string, number>;
}
