// `node scripts/run-example.mjs NAME [arguments]`: builds, installs the engine where it is missing, and runs
// examples/NAME/main.ts. `--all-smoke` runs every example with `--smoke` instead.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureBuilt } from './build.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const examples = join(root, 'examples');
const names = existsSync(examples)
  ? readdirSync(examples).filter((name) => existsSync(join(examples, name, 'main.ts')))
  : [];

function runNode(args) {
  const { status, signal } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (signal) console.error(`stopped by ${signal}`);
  return status ?? 1;
}

function prepare() {
  if (!ensureBuilt()) return 1;
  return runNode([join(root, 'dist', 'cli', 'main.js'), 'engine', 'install', '--if-missing']);
}

function runExample(name, args) {
  return runNode(['--import', import.meta.resolve('tsx'), join(examples, name, 'main.ts'), ...args]);
}

function runAllSmoke() {
  if (names.length === 0) {
    console.error('examples/*/main.ts: none found');
    return 1;
  }
  const failed = names.filter((name) => {
    console.log(`examples/${name} --smoke`);
    return runExample(name, ['--smoke']) !== 0;
  });
  if (failed.length > 0) console.error(`failed: ${failed.join(', ')}`);
  return failed.length > 0 ? 1 : 0;
}

const [name, ...args] = process.argv.slice(2);
if (name !== '--all-smoke' && !names.includes(name)) {
  console.error(`usage: node scripts/run-example.mjs NAME [arguments], where NAME is one of: ${names.join(', ')}`);
  process.exit(2);
}
process.exitCode = prepare() || (name === '--all-smoke' ? runAllSmoke() : runExample(name, args));
