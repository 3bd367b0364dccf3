// `npm run test:pack [-- --node 24]`: packs the package, installs the tarball in an empty folder with install scripts off
// and on, and trains there through require() and import, on this Node and on the versions named by --node.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureBuilt } from './build.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const training = `
const x = tf.randomNormal([64, 4]);
const y = tf.sum(x, 1, true);
const model = sequential({ layers: [layers.dense({ units: 8, activation: 'relu' }), layers.dense({ units: 1 })] });
model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
const history = await model.fit(x, y, { epochs: 2, verbose: 0 });
const losses = history.history['loss'] ?? [];
if (losses.length !== 2 || !losses.every((loss) => Number.isFinite(loss))) throw new Error('loss: ' + JSON.stringify(losses));
model.dispose();
console.log('trained', losses.map((loss) => Number(loss).toFixed(4)).join(' -> '));
`;
const names = '{ sequential, layers, tf }';
const scripts = {
  'train.cjs': `const ${names} = require('adjoint');\nasync function main() {${training}}\nmain();\n`,
  'train.mjs': `import ${names} from 'adjoint';\n${training}`,
};
// The same as TypeScript, to see that the types are found from both module systems.
const typed = {
  'train.cts': `import ${names} from 'adjoint';\nasync function main(): Promise<void> {${training}}\nvoid main();\n`,
  'train.mts': `import ${names} from 'adjoint';\n${training}`,
};
const required = [
  'dist/index.js',
  'dist/index.d.ts',
  'vendor/tfjs-node-gpu.cjs',
  'vendor/report-page.js',
  'package.json',
  'README.md',
];
const unwanted = /^(src|test|scripts|examples|bench|docs|node_modules|\.)/;

function npm(args, cwd) {
  const command = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  return execFileSync(command, [...args, '--no-audit', '--no-fund', '--loglevel', 'error'], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    shell: process.platform === 'win32',
  });
}

function run(node, args, cwd) {
  const { status, signal, stdout } = spawnSync(node, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status === 0) return stdout.trim();
  throw new Error(`${[node, ...args].join(' ')}\nended with ${signal ?? `exit code ${status}`}\n${stdout ?? ''}`);
}

function emptyPackage(folder) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "name": "empty", "private": true }\n');
  return folder;
}

function pack(work) {
  // With install scripts off npm skips prepack too.
  if (!ensureBuilt()) throw new Error('the build failed');
  const printed = JSON.parse(npm(['pack', '--json', '--ignore-scripts', '--pack-destination', work], root));
  const packed = Array.isArray(printed) ? printed[0] : Object.values(printed)[0];
  const files = packed.files.map(({ path }) => path);
  const { bin, exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const pointedTo = [...Object.values(bin), ...Object.values(exports['.'])].map((path) => path.replace(/^\.\//, ''));
  const missing = [...new Set([...required, ...pointedTo])].filter((path) => !files.includes(path));
  if (missing.length > 0) throw new Error(`the tarball lacks ${missing.join(', ')}`);
  const extra = files.filter((path) => unwanted.test(path));
  if (extra.length > 0) throw new Error(`the tarball carries ${extra.join(', ')}`);
  console.log(`${packed.filename}: ${files.length} files, ${(packed.size / 1e6).toFixed(2)} MB`);
  return { tarball: join(work, packed.filename.replace('@', '').replace('/', '-')), bin: bin.adjoint };
}

// The npm package "node" fetches its binary in an install script; the binary's own package needs none.
function installNode(work, version) {
  const folder = emptyPackage(join(work, `node-${version}`));
  const system = process.platform === 'win32' ? 'win' : process.platform;
  const prefix = system === 'darwin' && process.arch === 'arm64' ? 'node-bin' : 'node';
  const name = `${prefix}-${system}-${process.arch}`;
  npm(['install', '--ignore-scripts', `${name}@${version}`], folder);
  return join(folder, 'node_modules', name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
}

function checkTypes(folder) {
  for (const [name, text] of Object.entries(typed)) writeFileSync(join(folder, name), text);
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const strict = ['--noEmit', '--strict', '--skipLibCheck', '--target', 'es2022', '--module', 'nodenext'];
  const nodeTypes = ['--typeRoots', join(root, 'node_modules', '@types'), '--types', 'node'];
  run(process.execPath, [compiler, ...strict, ...nodeTypes, ...Object.keys(typed)], folder);
  console.log('  types found from CommonJS and ES modules');
}

const args = process.argv.slice(2);
const versions = args.flatMap((arg, index) => (args[index - 1] === '--node' ? [arg] : []));
const work = mkdtempSync(join(tmpdir(), 'adjoint-pack-'));
try {
  const { tarball, bin } = pack(work);
  const nodes = [process.execPath, ...versions.map((version) => installNode(work, version))];
  for (const withScripts of [false, true]) {
    const folder = emptyPackage(join(work, withScripts ? 'scripts-on' : 'scripts-off'));
    npm(['install', tarball, `--ignore-scripts=${!withScripts}`], folder);
    console.log(`installed with install scripts ${withScripts ? 'on' : 'off'}`);
    const installed = join(folder, 'node_modules', 'adjoint');
    if (!existsSync(join(folder, 'node_modules', '.bin', 'adjoint')))
      throw new Error('the adjoint command is not linked');
    run(process.execPath, [join(installed, bin), 'engine', 'install', '--if-missing'], folder);
    if (!withScripts) checkTypes(folder);
    for (const [name, text] of Object.entries(scripts)) writeFileSync(join(folder, name), text);
    for (const node of nodes) {
      const version = run(node, ['--version'], folder);
      for (const name of Object.keys(scripts)) console.log(`  ${version} ${name}: ${run(node, [name], folder)}`);
    }
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
