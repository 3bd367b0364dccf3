// `npm test`: every check of the project, a line for each. Names as arguments choose steps (`npm test -- lint types`);
// the build always comes first. Stops after the first phase with a failure, unless `--keep-going` is given.
import { spawn } from 'node:child_process';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

// A reader that stops early (`| head`) is no failure of ours.
process.stdout.on('error', (error) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const modules = join(root, 'node_modules');
const tool = (...path) => join(modules, ...path);

const prettier = [tool('prettier', 'bin', 'prettier.cjs'), '--check', '.', '--log-level', 'warn'];
const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', tool('jest', 'bin', 'jest.js')];

// Two processes at a time, as many as the smallest machine has cores; a later phase needs what an earlier one made.
const AT_ONCE = 2;
const phases = [
  [['build', ['scripts/build.mjs']]],
  [
    ['engine', ['dist/cli/main.js', 'engine', 'install', '--if-missing']],
    ['lint', [tool('eslint', 'bin', 'eslint.js'), '.']],
    ['types', [tool('typescript', 'bin', 'tsc'), '-p', 'tsconfig.json']],
    ['page-types', [tool('typescript', 'bin', 'tsc'), '-p', 'report-page/tsconfig.json']],
    ['docs', [tool('typedoc', 'bin', 'typedoc')]],
    ['format', prettier],
    [
      'architecture',
      [tool('dependency-cruiser', 'bin', 'dependency-cruise.mjs'), 'src', '--config', '.dependency-cruiser.cjs'],
    ],
    ['files', ['scripts/check-files.mjs']],
    ['surface', ['scripts/check-public-surface.mjs']],
    ['knip', [tool('knip', 'bin', 'knip.js'), '--no-config-hints']],
  ],
  [['tests', [...jest, '--maxWorkers=2']]],
  [['doc-examples', ['scripts/run-doc-examples.mjs']]],
  [['example-smoke', ['scripts/run-example.mjs', '--all-smoke']]],
];

function runStep([name, args]) {
  const started = performance.now();
  return new Promise((done) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    const chunks = [];
    child.stdout.on('data', (chunk) => chunks.push(chunk));
    child.stderr.on('data', (chunk) => chunks.push(chunk));
    child.on('close', (code, signal) => {
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      const passed = code === 0;
      const ending = passed ? 'ok' : `FAILED (${signal ?? `exit code ${code}`})`;
      console.log(`${name.padEnd(14)}${seconds.padStart(7)} s  ${ending}`);
      if (!passed) console.log(Buffer.concat(chunks).toString('utf8'));
      done({ name, passed });
    });
  });
}

async function runPhase(steps) {
  const queue = [...steps];
  const results = [];
  const worker = async () => {
    for (let step = queue.shift(); step; step = queue.shift()) results.push(await runStep(step));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}

const args = process.argv.slice(2);
const keepGoing = args.includes('--keep-going');
const chosen = args.filter((arg) => !arg.startsWith('--'));
const known = phases.flat().map(([name]) => name);
if (args.includes('--help')) {
  console.log(`npm test -- [--keep-going] [step ...]\nsteps: ${known.join(', ')}`);
  process.exit(0);
}
const unknown = chosen.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`unknown step ${unknown.join(', ')}; steps: ${known.join(', ')}`);
  process.exit(2);
}
const started = performance.now();
const results = [];
for (const phase of phases) {
  const steps = phase.filter(([name]) => name === 'build' || chosen.length === 0 || chosen.includes(name));
  results.push(...(await runPhase(steps)));
  if (!keepGoing && results.some(({ passed }) => !passed)) break;
}
const failed = results.filter(({ passed }) => !passed).map(({ name }) => name);
const wanted = chosen.length === 0 ? known : [...new Set(['build', ...chosen])];
const missing = wanted.filter((name) => !results.some((result) => result.name === name));
const seconds = ((performance.now() - started) / 1000).toFixed(0);
const summary = [`${results.length - failed.length} of ${wanted.length} steps passed in ${seconds} s`];
if (failed.length > 0) summary.push(`failed: ${failed.join(', ')}`);
if (missing.length > 0) summary.push(`not run: ${missing.join(', ')}`);
console.log(summary.join('; '));
process.exitCode = failed.length > 0 ? 1 : 0;
