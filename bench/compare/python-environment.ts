import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What a Python peer needs besides Python itself. */
export interface PythonNeeds {
  readonly folder: string;
  /** Packages as pip takes them, `tensorflow-cpu==2.21.0`. */
  readonly packages: readonly string[];
}

/**
 * The Python of a virtual environment that holds the packages, made by pip where there is none.
 *
 * pip's own settings hold: `PIP_INDEX_URL`, `PIP_EXTRA_INDEX_URL`. `ADJOINT_BENCH_PYTHON` names the Python to start from.
 */
export function preparePython({ folder, packages }: PythonNeeds): string {
  const python = join(folder, ...(process.platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python']));
  const stamp = join(folder, 'bench-packages.txt');
  const installed = new Set(existsSync(stamp) ? readFileSync(stamp, 'utf8').split('\n') : []);
  if (existsSync(python) && packages.every((name) => installed.has(name))) return python;
  if (!existsSync(python)) {
    mkdirSync(dirname(folder), { recursive: true });
    run(process.env['ADJOINT_BENCH_PYTHON'] ?? (process.platform === 'win32' ? 'python' : 'python3'), [
      '-m',
      'venv',
      folder,
    ]);
  }
  console.log(`Installing ${packages.join(', ')} into a virtual environment of the bench; this is done once.`);
  run(python, ['-m', 'pip', 'install', '--quiet', ...packages]);
  writeFileSync(stamp, [...new Set([...installed, ...packages])].join('\n'));
  return python;
}

function run(command: string, args: readonly string[]): void {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${error?.message ?? `exit code ${status}`}`);
}
