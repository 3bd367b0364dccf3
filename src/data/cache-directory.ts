import { join } from 'node:path';
import envPaths from 'env-paths';

/** The user's cache folder for `name`: below `ADJOINT_CACHE` where that is set, else where the system keeps caches. */
export function cacheDirectory(name: string): string {
  const root = process.env['ADJOINT_CACHE'];
  return join(root !== undefined && root !== '' ? root : envPaths('adjoint', { suffix: '' }).cache, name);
}
