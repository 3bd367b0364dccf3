import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PRELUDE = `
import { tf } from './src/engine/tfjs.js';
import { startEngine, engine, useEngine, onEngineStart } from './src/engine/start-engine.js';
`;

export interface ProcessResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a TypeScript module of its own process, with `tf` and the engine's functions at hand. */
export function runEngineProcess(body: string, environment: NodeJS.ProcessEnv = {}): ProcessResult {
  const options = ['--import', 'tsx', '--input-type=module', '--eval', PRELUDE + body];
  // NODE_OPTIONS of the test runner would print a warning of its own into stderr.
  const env = { ...process.env, NODE_OPTIONS: '', ADJOINT_VERBOSE: '', ...environment };
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, options, { cwd: ROOT, encoding: 'utf8', env });
  return { code: status, signal, stdout, stderr };
}
