// `npm run equalities [-- --json]`: runs the tests that compare gradient handling with what it has to equal, and prints how
// far off the worst comparison of each kind was. Exits with 1 where a test fails or a kind was not compared at all.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import Table from 'cli-table3';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const TESTS = [
  'test/training/accumulation.test.ts',
  'test/training/gradient-transforms.test.ts',
  'test/training/weight-average.test.ts',
  'test/optimizers/clipping.test.ts',
  'test/optimizers/gradient-transforms.test.ts',
  'test/optimizers/golden.test.ts',
  'test/optimizers/schedules',
];
const KINDS = ['accumulation', 'clipping', 'weight averages', 'learning-rate schedules'];

/** Comparisons of one kind share a row; tolerances may differ, so the worst is the one nearest to its own. */
function rowsOf(lines) {
  const rows = new Map();
  for (const line of lines) {
    const { row, error, tolerance } = JSON.parse(line);
    const known = rows.get(row) ?? { equality: row, comparisons: 0, worst: 0, tolerance };
    const isWorse = !(error / tolerance <= known.worst / known.tolerance);
    rows.set(row, {
      ...known,
      comparisons: known.comparisons + 1,
      ...((isWorse || known.comparisons === 0) && { worst: error, tolerance }),
    });
  }
  return [...rows.values()].sort((a, b) => (a.equality < b.equality ? -1 : 1));
}

function run() {
  const folder = mkdtempSync(join(tmpdir(), 'adjoint-equalities-'));
  const file = join(folder, 'comparisons.jsonl');
  try {
    const jest = [join(root, 'node_modules', 'jest', 'bin', 'jest.js'), ...TESTS, '--silent'];
    const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
    const env = { ...process.env, ADJOINT_EQUALITIES: file };
    const { status } = spawnSync(process.execPath, [...flags, ...jest], { cwd: root, stdio: 'inherit', env });
    const lines = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
    return { passed: status === 0, rows: rowsOf(lines) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const { passed, rows } = run();
const table = new Table({
  head: ['equality', 'comparisons', 'worst error', 'tolerance'],
  colAligns: ['left', 'right', 'right', 'right'],
  style: { head: [], border: [], compact: true },
});
for (const { equality, comparisons, worst, tolerance } of rows)
  table.push([equality, comparisons, worst.toExponential(1), tolerance.toExponential(1)]);
console.log(table.toString());
const missing = KINDS.filter((kind) => !rows.some(({ equality }) => equality.includes(kind)));
if (missing.length > 0) console.log(`not compared: ${missing.join(', ')}`);
const holds = passed && missing.length === 0 && rows.every(({ worst, tolerance }) => worst <= tolerance);
if (process.argv.includes('--json')) console.log(JSON.stringify({ holds, equalities: rows }));
process.exitCode = holds ? 0 : 1;
