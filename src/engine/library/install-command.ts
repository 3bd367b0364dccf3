import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The command that installs the library, as it has to be typed in this working directory. */
export function installCommand(): string {
  return isOwnRepository(process.cwd()) ? 'npm run adjoint -- engine install' : 'npx adjoint engine install';
}

function isOwnRepository(directory: string): boolean {
  try {
    const { name } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as { name?: string };
    return name === 'adjoint';
  } catch {
    return false;
  }
}
