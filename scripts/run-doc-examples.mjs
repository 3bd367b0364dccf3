// Type-checks and runs every documented example against the built package. Several share a process; one that fails there
// is tried again alone, since only running alone is promised. A fence `ts no-run REASON` is checked but not run.
// `--root DIR` takes another package folder; other arguments choose examples by a part of their place.
import { fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transform } from 'esbuild';
import { findSnippets, typeErrors } from './example-snippets.mjs';

const PROCESSES = 2;
const LONGEST_MS = 120_000;
const LAST_OUTPUT = 2_000;
const here = dirname(fileURLToPath(import.meta.url));
const args = process.argv.slice(2);
const given = args.indexOf('--root');
const root = given >= 0 ? resolve(args.splice(given, 2)[1]) : resolve(here, '..');
// Inside the package folder, so that `adjoint` resolves to the package itself.
const folder = join(root, '.cache', 'examples');

async function writeOut(snippets) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const compilerOptions = { experimentalDecorators: true, useDefineForClassFields: false };
  for (const [number, snippet] of snippets.entries()) {
    snippet.source = join(folder, `example-${number}.ts`);
    snippet.file = join(folder, `example-${number}.mjs`);
    writeFileSync(snippet.source, `${snippet.code}\n`);
    try {
      const { code } = await transform(snippet.code, {
        loader: 'ts',
        target: 'node20',
        tsconfigRaw: { compilerOptions },
      });
      writeFileSync(snippet.file, code);
    } catch (error) {
      snippet.problem = error.message;
    }
  }
}

class Runner {
  constructor() {
    this.workingFolder = mkdtempSync(join(tmpdir(), 'adjoint-examples-'));
    this.output = '';
  }

  start() {
    this.child = fork(join(here, 'example-process.mjs'), { cwd: this.workingFolder, silent: true });
    const keep = (chunk) => (this.output = (this.output + chunk).slice(-LAST_OUTPUT));
    this.child.stdout.on('data', keep);
    this.child.stderr.on('data', keep);
  }

  /** The failure of one example, or undefined. */
  run(file) {
    if (!this.child) this.start();
    this.output = '';
    const { child } = this;
    return new Promise((done) => {
      const finish = (failure) => {
        clearTimeout(timer);
        child.removeAllListeners('message');
        child.removeAllListeners('exit');
        done(failure);
      };
      const timer = setTimeout(() => {
        child.kill('SIGKILL');
        this.child = undefined;
        finish(`did not end within ${LONGEST_MS / 1000} s`);
      }, LONGEST_MS);
      child.on('message', ({ failure }) => finish(failure));
      child.on('exit', (code, signal) => {
        this.child = undefined;
        // An example may end its own process, as a script would.
        finish(code === 0 ? undefined : `the process ended with ${signal ?? `exit code ${code}`}`);
      });
      child.send(file);
    });
  }

  async stop() {
    const { child } = this;
    this.child = undefined;
    if (child) await new Promise((done) => child.once('exit', done) && child.disconnect());
  }

  async close() {
    await this.stop();
    rmSync(this.workingFolder, { recursive: true, force: true });
  }
}

async function runAll(snippets) {
  const queue = [...snippets];
  const worker = async () => {
    const runner = new Runner();
    for (let snippet = queue.shift(); snippet; snippet = queue.shift()) {
      // Process-wide choices are allowed only before first use.
      if (/\buseEngine\b/.test(snippet.code)) await runner.stop();
      let failure = await runner.run(snippet.file);
      if (failure) {
        await runner.stop();
        failure = await runner.run(snippet.file);
        if (failure) snippet.problem = `${failure}\n${runner.output}`.trim();
        await runner.stop();
      }
    }
    await runner.close();
  };
  await Promise.all(Array.from({ length: PROCESSES }, worker));
}

const wanted = ({ place }) => args.length === 0 || args.some((part) => place.includes(part));
const found = findSnippets(root).filter(wanted);
const snippets = found.filter((snippet) => snippet.code !== undefined);
await writeOut(snippets);
for (const { file, line, text } of typeErrors(
  root,
  snippets.map((snippet) => snippet.source),
)) {
  const snippet = snippets.find(({ source }) => source === file);
  snippet.problem = [snippet.problem, `line ${line + 1} of the example: ${text}`].filter(Boolean).join('\n');
}
const toRun = snippets.filter((snippet) => !snippet.problem && !snippet.notRun);
await runAll(toRun);
for (const { place, notRun } of found) if (notRun) console.log(`${place}: not run: ${notRun}`);
const failed = found.filter((snippet) => snippet.problem);
for (const { place, problem } of failed) console.error(`${place}: ${problem.replaceAll('\n', '\n    ')}`);
console.log(`${found.length} examples, ${toRun.length} run, ${failed.length} failed`);
process.exitCode = failed.length > 0 ? 1 : 0;
