import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { OptionsError, SetupError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import type * as adjointModule from '../index.js';

export type Adjoint = typeof adjointModule;

/**
 * The whole path of a module.
 *
 * @throws OptionsError [no-such-file]
 */
export function modulePath(file: string, command: string): string {
  const path = resolve(file);
  const found = file === '' ? undefined : statSync(path, { throwIfNoEntry: false });
  if (found?.isFile() === true) return path;
  throw new OptionsError('no-such-file', {
    where: command,
    expected: 'a module: a .js or .ts file',
    received: found === undefined ? `${formatValue(file)}, which is not there` : `${formatValue(file)}, no file`,
  });
}

/**
 * Loads a user's module, TypeScript by way of tsx.
 *
 * @throws SetupError [module-failed | no-tsx]
 */
export async function loadModule(path: string, file: string): Promise<object> {
  if (/\.[cm]?tsx?$/.test(path)) await registerTypeScript(path, file);
  try {
    return (await import(pathToFileURL(path).href)) as object;
  } catch (error) {
    throw new SetupError('module-failed', { where: file, expected: 'a module that loads', received: messageOf(error) });
  }
}

/** The copy of Adjoint that the module imports: its rules and tensors are known to no other. */
export async function adjointOf(path: string): Promise<Adjoint> {
  const own = locate('adjoint', [path]);
  return own === undefined ? import('../index.js') : ((await import(own)) as Adjoint);
}

async function registerTypeScript(path: string, file: string): Promise<void> {
  const loader = locate('tsx', [path, resolve('package.json')]);
  if (loader === undefined) {
    throw new SetupError('no-tsx', {
      where: file,
      expected: 'the package tsx, which loads TypeScript',
      received: 'a project without it',
      fix: 'npm install --save-dev tsx, or pass the compiled .js file',
    });
  }
  // As `node --import tsx` does: its import is what registers it.
  await import(loader);
}

/** URL of a package's file as the first of these places resolves it. */
function locate(name: string, places: readonly string[]): string | undefined {
  for (const place of places) {
    try {
      return pathToFileURL(createRequire(place).resolve(name)).href;
    } catch {
      // Not installed there.
    }
  }
  return undefined;
}

/** A message without a stack: the fault is in the user's file. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // The message of an AdjointError, be it of another copy, begins with its name.
  return error.message.startsWith(error.name) ? error.message : `${error.name}: ${error.message}`;
}
