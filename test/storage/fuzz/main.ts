// `npm run test:fuzz -- [--cases N] [--seed N] [--json]`: hostile files for every reader; exit code 1 where one crashes.
import { parseArgs } from 'node:util';
import '../../../src/index.js';
import { makeModelTargets } from './model-targets.js';
import { runFuzz } from './run-fuzz.js';
import { storageTargets } from './storage-targets.js';

/** Far above what readers of files below 2 kB, TensorFlow's library and small models take together. */
const MOST_MEMORY_MB = 1500;

const { values } = parseArgs({
  options: { cases: { type: 'string', default: '20000' }, seed: { type: 'string' }, json: { type: 'boolean' } },
});
const wanted = Number(values.cases);
const seed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed);
if (!Number.isSafeInteger(wanted) || wanted < 1 || !Number.isSafeInteger(seed)) {
  console.error('usage: npm run test:fuzz -- [--cases N] [--seed N] [--json]');
  process.exit(2);
}

const { targets, remove } = await makeModelTargets();
const start = performance.now();
const { cases, accepted, kinds, crashes } = await runFuzz([...storageTargets, ...targets], wanted, seed);
const seconds = Number(((performance.now() - start) / 1000).toFixed(1));
await remove();

const memory = Math.round(process.resourceUsage().maxRSS / 1000);
if (memory > MOST_MEMORY_MB) crashes.push(`${memory} MB of memory; at most ${MOST_MEMORY_MB} were expected`);
console.log(`seed ${seed}; ${accepted} files were still right; at most ${memory} MB of memory`);
console.log(
  [...kinds]
    .sort(([, a], [, b]) => b - a)
    .map(([kind, count]) => `${kind} ${count}`)
    .join(', '),
);
for (const crash of crashes) console.log(crash);
if (values.json === true) console.log(JSON.stringify({ cases, seconds, crashes: crashes.length }));
else console.log(`${cases} cases in ${seconds} s: ${crashes.length} crashes`);
process.exitCode = crashes.length > 0 ? 1 : 0;
