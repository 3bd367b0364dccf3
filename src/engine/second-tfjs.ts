import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import { SetupError } from '../core/errors.js';

const ENTRY = ['@tensorflow', 'tfjs-core', 'dist', 'tf-core.node.js'].join(sep);

/** Two copies of tfjs-core share one engine but not their classes: tensors of one are strangers to the other. */
export function refuseSecondTfjs(loadedFiles: readonly string[] = loadedModules()): void {
  const copies = [...new Set(loadedFiles.filter((file) => file.endsWith(ENTRY)))];
  if (copies.length < 2) return;
  throw new SetupError('second-tfjs', {
    where: 'this process',
    expected: 'one copy of @tensorflow/tfjs-core',
    received: copies.map((file) => dirname(dirname(file))).join('\n'),
    fix: "import { tf } from 'adjoint' instead of from a package of its own, or pin @tensorflow/tfjs to Adjoint's version",
  });
}

function loadedModules(): string[] {
  return Object.keys(createRequire(import.meta.url).cache);
}
