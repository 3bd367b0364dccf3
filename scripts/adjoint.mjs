// `npm run adjoint -- ...`: the command line of this checkout, built first where sources changed.
import { spawnSync } from 'node:child_process';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureBuilt } from './build.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
if (!ensureBuilt()) process.exit(1);
const { status } = spawnSync(process.execPath, [join(root, 'dist', 'cli', 'main.js'), ...process.argv.slice(2)], {
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
