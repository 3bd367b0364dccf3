import { EngineError } from '../../core/errors.js';
import { didYouMean } from '../../core/nearest-name.js';
import type { InstalledSet } from './engine-cache.js';
import { engineDirectory, installedSets } from './engine-cache.js';
import { removeAtOnce, sweepStaging } from './staging.js';

/**
 * Removes installed libraries: those of a version (`2.21.0`), one set (`2.21.0-gpu`), or the only one.
 *
 * @throws EngineError `nothing-to-remove`
 */
export function removeLibrary(version?: string): InstalledSet[] {
  const root = engineDirectory();
  sweepStaging(root);
  const sets = installedSets(root);
  const names = sets.map(({ name }) => name);
  const chosen = sets.filter(
    ({ name, manifest }) => version === undefined || [name, manifest.version].includes(version),
  );
  if (chosen.length === 0 || (version === undefined && chosen.length > 1)) {
    throw new EngineError('nothing-to-remove', {
      where: `cache folder ${root}`,
      expected: version === undefined ? 'one installed version' : `an installed version ${version}`,
      received: names.join(', ') || 'nothing installed',
      fix:
        sets.length === 0 ? 'there is nothing to do' : version === undefined ? 'name one' : didYouMean(version, names),
    });
  }
  for (const set of chosen) removeAtOnce(root, set.directory);
  return chosen;
}
