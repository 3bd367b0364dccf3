// Fetches the pinned @tensorflow/tfjs-node-gpu package with `npm pack` (no install script runs), checks its hash and
// bundles its JavaScript kernels and backend class into vendor/tfjs-node-gpu.cjs. See docs/decisions/0001-node-kernels.md.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const NAME = '@tensorflow/tfjs-node-gpu';
const VERSION = '4.22.0';
const INTEGRITY = 'sha512-p//NN6DGiN4hInUmIkRffaFVMcdTREUMjPyjW04J7OXvB2zBlQimj61eFKSgRrH3f5TnOfKzb0n56he/B6a4bw==';
const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const output = join(root, 'vendor', 'tfjs-node-gpu.cjs');
const recipe = createHash('sha256')
  .update(readFileSync(fileURLToPath(import.meta.url)))
  .digest('hex')
  .slice(0, 12);
const stamp = `// ${NAME}@${VERSION} ${INTEGRITY} made by recipe ${recipe}\n`;

// The backend's TensorBoard summaries are the only user of google-protobuf; Adjoint does not call them.
const withoutTensorBoardMessages = {
  name: 'without-tensorboard-messages',
  setup(bundler) {
    bundler.onResolve({ filter: /proto\/api_pb$/ }, () => ({ path: 'api_pb', namespace: 'empty' }));
    bundler.onLoad({ filter: /.*/, namespace: 'empty' }, () => ({ contents: 'module.exports = {};', loader: 'js' }));
  },
};

if (existsSync(output) && readFileSync(output, 'utf8').startsWith(stamp)) process.exit(0);

const work = mkdtempSync(join(tmpdir(), 'adjoint-kernels-'));
try {
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const printed = execFileSync(npm, ['pack', `${NAME}@${VERSION}`, '--json', '--pack-destination', work], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    shell: process.platform === 'win32',
  });
  const packed = JSON.parse(printed);
  const { filename } = Array.isArray(packed) ? packed[0] : Object.values(packed)[0];
  const tarball = join(work, filename.replace('@', '').replace('/', '-'));
  const hash = `sha512-${createHash('sha512').update(readFileSync(tarball)).digest('base64')}`;
  if (hash !== INTEGRITY) {
    throw new Error(`${NAME}@${VERSION}: expected ${INTEGRITY}, received ${hash}. Clear the npm cache and try again.`);
  }
  execFileSync('tar', ['-xzf', tarball, '-C', work]);
  const dist = join(work, 'package', 'dist');
  // Node 23 removed util.isNullOrUndefined and util.isArray, which are all that the kernels take from util.
  const shim = 'exports.isNullOrUndefined = (value) => value == null;\nexports.isArray = Array.isArray;\n';
  writeFileSync(join(work, 'util-shim.cjs'), shim);
  writeFileSync(
    join(work, 'entry.cjs'),
    `require(${JSON.stringify(join(dist, 'register_all_kernels.js'))});
exports.NodeJSKernelBackend = require(${JSON.stringify(join(dist, 'nodejs_kernel_backend.js'))}).NodeJSKernelBackend;
`,
  );
  const temporary = `${output}.${process.pid}.tmp`;
  await build({
    entryPoints: [join(work, 'entry.cjs')],
    absWorkingDir: work,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    outfile: temporary,
    external: ['@tensorflow/tfjs', '@tensorflow/tfjs-core'],
    plugins: [withoutTensorBoardMessages],
    alias: { util: join(work, 'util-shim.cjs') },
    banner: { js: stamp.trimEnd() },
    legalComments: 'inline',
    logLevel: 'warning',
  });
  renameSync(temporary, output);
  console.log(`vendor/tfjs-node-gpu.cjs: ${NAME} ${VERSION}`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
