import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

/** A Python that has a module, or why there is none. */
export type Python = { readonly command: string } | { readonly absent: string };

/** The Python of the benchmarks: `ADJOINT_BENCH_PYTHON`, else the virtual environment that the benchmarks make. */
export function findPython(module: string): Python {
  const command = process.env.ADJOINT_BENCH_PYTHON ?? resolve('.cache/bench-venv/bin/python');
  if (process.env.ADJOINT_BENCH_PYTHON === undefined && !existsSync(command)) {
    return { absent: 'there is no .cache/bench-venv, and ADJOINT_BENCH_PYTHON is not set' };
  }
  const found = spawnSync(command, [
    '-c',
    `import importlib.util, sys; sys.exit(importlib.util.find_spec('${module}') is None)`,
  ]);
  return found.status === 0 ? { command } : { absent: `${command} has no module ${module}` };
}

/** Runs a program and returns what its last line of output says, as JSON. */
export function runPython(command: string, program: string, input: unknown): unknown {
  const output = execFileSync(command, ['-c', program], {
    input: JSON.stringify(input),
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3', CUDA_VISIBLE_DEVICES: '' },
  });
  return JSON.parse(output.trim().split('\n').at(-1)!);
}
