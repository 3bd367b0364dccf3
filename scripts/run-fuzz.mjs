// `npm run test:fuzz [-- --cases 100000 --json]`: builds, installs the engine where it is missing, and runs
// test/storage/fuzz/main.ts.
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

process.exitCode = !ensureBuilt()
  ? 1
  : runNode([join(root, 'dist', 'cli', 'main.js'), 'engine', 'install', '--if-missing']) ||
    runNode([
      '--import',
      import.meta.resolve('tsx'),
      join(root, 'test', 'storage', 'fuzz', 'main.ts'),
      ...process.argv.slice(2),
    ]);
