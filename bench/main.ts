// Times training against other frameworks, and measures what a step costs besides: `npm run bench -- --help`.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { compareWorkload, type WorkloadResult } from './compare/compare-workload.js';
import { describeMachine } from './compare/machine.js';
import { PeerProcess } from './compare/peer-process.js';
import { preparePython } from './compare/python-environment.js';
import { ratiosOf, stepTimes, verdictsOf } from './compare/summarise.js';
import { compareMemory, memoryTable, type MemoryResult } from './memory/compare-memory.js';
import { memoryWorkloads } from './memory/memory-workloads.js';
import { probeTable, verdictTable, workloadTable } from './compare/tables.js';
import { workloadOf, workloads } from './compare/workloads.js';
import { PROBES, type ProbeResults } from './probes/probes.js';
import { runProbes } from './probes/run-probes.js';

interface Flags {
  suite: 'speed' | 'peers' | 'probes' | 'precision' | 'memory';
  peers: string[];
  workloads?: string[];
  rounds: number;
  seconds: number;
  probes: string[];
  out?: string;
  json?: boolean;
}

const here = dirname(fileURLToPath(import.meta.url));
const cache = resolve(here, '..', '.cache');
const PYTHON_PEERS = ['keras', 'torch'];
/** More than this before the start is somebody else's work. */
const QUIET_LOAD = 0.7;

const list = (known: readonly string[]) => (text: string) => {
  const names = text.split(',').filter((name) => name !== '');
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new InvalidArgumentError(`"${unknown}" is none of ${known.join(', ')}`);
  return names;
};
const positive = (text: string) => {
  if (Number(text) > 0) return Number(text);
  throw new InvalidArgumentError('expected a number above 0');
};
const keys = workloads.map(({ key }) => key);
const memoryKeys = memoryWorkloads.map(({ key }) => key);
/** Large enough for the arithmetic to matter. */
const PRECISION_WORKLOADS = ['mnist-cnn', 'mlp-deep', 'resnet20'];

const flags = new Command('bench')
  .description('Times training against other frameworks on this machine, and measures what a step costs besides.')
  .addOption(
    new Option(
      '--suite <name>',
      'speed: all; peers: the comparison alone; probes: the rest; precision: the comparison in bfloat16; memory: checkpointing',
    )
      .choices(['speed', 'peers', 'probes', 'precision', 'memory'])
      .default('speed'),
  )
  .option('--peers <list>', `Python frameworks to compare with: ${PYTHON_PEERS.join(',')}`, list(PYTHON_PEERS), [])
  .option('--workloads <list>', `some of ${[...keys, ...memoryKeys].join(',')}`, list([...keys, ...memoryKeys]))
  .option('--probes <list>', `some of ${Object.keys(PROBES).join(',')}`, list(Object.keys(PROBES)), Object.keys(PROBES))
  .option('--rounds <n>', 'measurements of each variant', positive, 5)
  .option('--seconds <n>', 'length that a measurement aims at', positive, 1.5)
  .option('--out <file>', 'where the full result goes; default .cache/bench/SUITE.json')
  .option('--json', 'print the summary as one JSON object on the last line')
  .parse()
  .opts<Flags>();

async function main(): Promise<void> {
  const started = loadavg()[0]!;
  if (started > QUIET_LOAD)
    console.log(`Load average ${started.toFixed(2)}: other work is running, do not quote these numbers.`);
  const folder = mkdtempSync(join(tmpdir(), 'adjoint-bench-'));
  const peers: PeerProcess[] = [];
  const results: WorkloadResult[] = [];
  let versions: Record<string, string | number> = {};
  try {
    if (flags.suite === 'memory') return await memorySuite(folder, peers, started);
    if (flags.suite !== 'probes') {
      versions = await startPeers(peers);
      for (const key of flags.workloads ?? (flags.suite === 'precision' ? PRECISION_WORKLOADS : keys)) {
        const result = await compareWorkload(workloadOf(key), peers, {
          rounds: Math.round(flags.rounds),
          secondsPerMeasurement: flags.seconds,
          folder,
        });
        results.push(result);
        console.log(workloadTable(result));
      }
      console.log(verdictTable(results));
    }
  } finally {
    for (const peer of peers) peer.close();
    rmSync(folder, { recursive: true, force: true });
  }
  const probes: ProbeResults =
    flags.suite === 'peers' || flags.suite === 'precision' ? {} : await runProbes(flags.probes, report);
  conclude(results, probes, versions, [started, loadavg()[0]!]);
}

function report(name: string, numbers: Readonly<Record<string, number>>): void {
  console.log(probeTable(`${name}: ${PROBES[name]!}`, numbers));
}

/** Checkpointing: one process for each policy, so that each one's memory is its own. */
async function memorySuite(folder: string, peers: PeerProcess[], started: number): Promise<void> {
  const node = [...process.execArgv, join(here, 'peer.ts'), 'adjoint'];
  const starts = ['none', 'all', 'sqrt', 'budget'].map(
    (policy) => () => new PeerProcess(policy, process.execPath, [...node, policy]),
  );
  if (flags.peers.includes('torch')) {
    const python = preparePython({ folder: join(cache, 'bench-venv'), packages: ['torch', 'numpy'] });
    const peer = join(here, 'python', 'torch-peer.py');
    for (const policy of ['none', 'sqrt'])
      starts.push(() => new PeerProcess(`torch-${policy}`, python, ['-B', peer, policy]));
  }
  const results: MemoryResult[] = [];
  const versions: Record<string, string | number> = {};
  for (const workload of memoryWorkloads) {
    if (flags.workloads?.includes(workload.key) === false) continue;
    // New ones for each workload: what the last one left behind would count.
    peers.push(...starts.map((start) => start()));
    for (const peer of peers) Object.assign(versions, (await peer.request({ do: 'facts' })).facts);
    const effort = { rounds: Math.round(flags.rounds), secondsPerMeasurement: flags.seconds, folder };
    const result = await compareMemory(workload, peers, effort);
    results.push(result);
    console.log(memoryTable(result));
    for (const peer of peers.splice(0)) peer.close();
  }
  const summary = {
    workloads: Object.fromEntries(results.map(({ comparison, rows }) => [comparison.workload.key, rows])),
    machine: { ...describeMachine(), threads: 'defaults of each framework' },
    versions,
    load: [started, loadavg()[0]!],
    rounds: flags.rounds,
  };
  write(summary, summary);
}

/** Starts one process for each framework; returns what they say of themselves. */
async function startPeers(peers: PeerProcess[]): Promise<Record<string, string | number>> {
  const node = [...process.execArgv, join(here, 'peer.ts')];
  const isPrecision = flags.suite === 'precision';
  if (isPrecision) {
    for (const precision of ['float32', 'bfloat16'] as const)
      peers.push(new PeerProcess(`adjoint-${precision}`, process.execPath, [...node, 'adjoint'], precision));
  } else {
    for (const name of ['adjoint', 'tf.layers', 'tf.layers + adjoint'])
      peers.push(new PeerProcess(name, process.execPath, [...node, name]));
  }
  const versions: Record<string, string | number> = {};
  for (const peer of peers) Object.assign(versions, (await peer.request({ do: 'facts' })).facts);
  if (flags.peers.length === 0) return versions;
  const tensorflow = `${process.platform === 'linux' ? 'tensorflow-cpu' : 'tensorflow'}==${versions['libtensorflow']}`;
  const packages = flags.peers.flatMap((name) => (name === 'keras' ? [tensorflow, 'keras'] : [name, 'numpy']));
  const python = preparePython({ folder: join(cache, 'bench-venv'), packages });
  for (const name of flags.peers) {
    const [key, precision] = isPrecision ? ([`${name}-bfloat16`, 'bfloat16'] as const) : ([name, 'float32'] as const);
    const peer = new PeerProcess(key, python, ['-B', join(here, 'python', `${name}-peer.py`)], precision);
    peers.push(peer);
    Object.assign(versions, (await peer.request({ do: 'facts' })).facts);
  }
  return versions;
}

function conclude(
  results: readonly WorkloadResult[],
  probes: ProbeResults,
  versions: Readonly<Record<string, string | number>>,
  load: readonly number[],
): void {
  const byKey = <T>(value: (result: WorkloadResult) => T): Record<string, T> =>
    Object.fromEntries(results.map((result) => [result.workload.key, value(result)]));
  const summary = {
    workloads: byKey(stepTimes),
    ratios: byKey(ratiosOf),
    missed: results.flatMap(verdictsOf).filter(({ met }) => !met),
    eventLoopP99Ms: probes['event-loop']?.['training p99, ms'],
    rssGrowthMb: probes['long-run']?.['RSS growth, MB'],
    stepDriftPercent: probes['long-run']?.['step time drift, %'],
    probes,
    machine: { ...describeMachine(), threads: 'defaults of each framework' },
    versions,
    load,
    rounds: flags.rounds,
  };
  const full = { ...summary, variants: byKey(({ variants }) => variants), loads: byKey((result) => result.load) };
  write(full, summary);
}

function write(full: object, summary: object): void {
  const out = flags.out ?? join(cache, 'bench', `${flags.suite}.json`);
  mkdirSync(dirname(resolve(out)), { recursive: true });
  writeFileSync(out, `${JSON.stringify(full, null, 2)}\n`);
  console.log(`\nAll numbers: ${out}`);
  if (flags.json === true) console.log(JSON.stringify(summary));
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
