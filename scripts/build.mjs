// Builds dist/ from src/, and only where something changed: `npm run build`, or ensureBuilt() from another script.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const stampFile = join(root, '.cache', 'build.stamp');
const buildInfo = join(root, '.cache', 'build.tsbuildinfo');

function filesUnder(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function sourceStamp() {
  const hash = createHash('sha256');
  const settings = ['tsconfig.json', 'tsconfig.build.json', 'package-lock.json'].map((name) => join(root, name));
  for (const file of [...settings.filter((name) => existsSync(name)), ...filesUnder(join(root, 'src'))]) {
    hash.update(relative(root, file)).update('\0').update(readFileSync(file)).update('\0');
  }
  return hash.digest('hex');
}

function runNode(args) {
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  return status === 0;
}

// tsc leaves the output of a deleted source behind, and the package would ship it.
function removeOrphans() {
  for (const file of filesUnder(dist)) {
    const source = join(root, 'src', relative(dist, file)).replace(/(\.d\.ts|\.js)(\.map)?$/, '.ts');
    if (!existsSync(source)) rmSync(file);
  }
}

/** Returns whether dist/ now matches src/. */
export function ensureBuilt() {
  if (!runNode([join(root, 'scripts', 'vendor-kernels.mjs')])) return false;
  if (!runNode([join(root, 'scripts', 'bundle-report-page.mjs')])) return false;
  const stamp = sourceStamp();
  const built = existsSync(join(dist, 'index.js'));
  if (built && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return true;
  mkdirSync(join(root, '.cache'), { recursive: true });
  if (!built) rmSync(buildInfo, { force: true });
  rmSync(stampFile, { force: true });
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const settings = ['-p', 'tsconfig.build.json', '--incremental', '--tsBuildInfoFile', buildInfo];
  if (!runNode([compiler, ...settings])) return false;
  removeOrphans();
  writeFileSync(stampFile, stamp);
  return true;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) process.exitCode = ensureBuilt() ? 0 : 1;
