// `node scripts/run-bench.mjs [arguments]`: builds, installs the engine where it is missing, and runs bench/main.ts;
// with `leaks`, `hvp`, `doctor/run`, `kill`, `checkpoint-stall` or
// `memory-forecast` as the first argument the file of that name in bench.
import { spawnSync } from 'node:child_process';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureBuilt } from './build.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

function runNode(args) {
  const { status, signal } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (signal) console.error(`stopped by ${signal}`);
  return status ?? 1;
}

function runBench([first, ...rest]) {
  const named = ['leaks', 'hvp', 'doctor/run', 'kill', 'checkpoint-stall', 'memory-forecast'].includes(first);
  const [file, args] = named ? [`${first}.ts`, rest] : ['main.ts', process.argv.slice(2)];
  return runNode(['--import', import.meta.resolve('tsx'), join(root, 'bench', file), ...args]);
}

process.exitCode = !ensureBuilt()
  ? 1
  : runNode([join(root, 'dist', 'cli', 'main.js'), 'engine', 'install', '--if-missing']) ||
    runBench(process.argv.slice(2));
