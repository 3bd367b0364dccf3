import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EngineError } from '../../core/errors.js';
import { engineDirectory, installedSets } from './engine-cache.js';
import { installCommand } from './install-command.js';
import { libraryPlatform } from './library-platform.js';
import { isTooOld, OLDEST_TENSORFLOW, versionBeforeLoad } from './library-version.js';

/** Who provides the library. */
export type LibrarySource = 'ADJOINT_LIBTENSORFLOW' | 'adjoint engine install' | 'tfjs-node' | 'python';

export interface FoundLibrary {
  readonly path: string;
  readonly source: LibrarySource;
}

/** One place where the library is looked for, and what was there. */
export interface Place {
  readonly source: LibrarySource;
  /** A path, a package, an interpreter: what was looked at. */
  readonly place: string;
  /** In a few words: `found`, `not set`, `no such file`. */
  readonly outcome: string;
  /** The library, where it is one to be used. */
  readonly path?: string;
}

const PYTHON_TIMEOUT_MS = 10_000;

// The entry '' would let a folder `tensorflow` of the working directory pass for the package.
const PYTHON_PROBE = `
import sys, importlib.util
sys.path = [p for p in sys.path if p not in ('', '.')]
spec = importlib.util.find_spec('tensorflow')
print(list(spec.submodule_search_locations)[0] if spec and spec.submodule_search_locations else '')`;

/**
 * Finds TensorFlow's library: `ADJOINT_LIBTENSORFLOW`, then the user's cache, then tfjs-node, then Python.
 *
 * @throws EngineError `library-not-found`, naming every place that was tried
 */
export function findLibrary(): FoundLibrary {
  const tried: Place[] = [];
  for (const place of placesInOrder()) {
    tried.push(place);
    if (place.path !== undefined) return { path: place.path, source: place.source };
    // What the user names is never replaced by something else in silence.
    if (place.source === 'ADJOINT_LIBTENSORFLOW' && place.outcome !== 'not set') break;
  }
  const named = tried.length === 1;
  throw new EngineError('library-not-found', {
    where: named ? 'the library named by ADJOINT_LIBTENSORFLOW' : 'looking for the TensorFlow library',
    expected: named ? `a file ${libraryPlatform().libraries[0]}` : 'libtensorflow in one of the places below',
    received: tried.map((place) => `${place.source}: ${place.place}: ${place.outcome}`).join('\n'),
    fix: named ? 'correct ADJOINT_LIBTENSORFLOW, or unset it' : `run \`${installCommand()}\``,
  });
}

/** Every place where the library is looked for, in order, with what is there; the first with a `path` is used. */
export function searchPlaces(): Place[] {
  return [...placesInOrder()];
}

function* placesInOrder(): Generator<Place> {
  yield placeInEnvironment();
  yield* placesInCache();
  yield* placesInTfjsNode();
  yield* placesInPython();
}

function placeInEnvironment(): Place {
  const source = 'ADJOINT_LIBTENSORFLOW';
  const value = process.env[source];
  if (!value) return { source, place: 'environment', outcome: 'not set' };
  const path = resolve(value);
  const entry = statSync(path, { throwIfNoEntry: false });
  if (entry?.isDirectory()) {
    const library = libraryIn(path);
    return library === undefined
      ? { source, place: path, outcome: `a folder without ${libraryPlatform().libraries.join(' or ')}` }
      : { source, place: library, outcome: 'found', path: library };
  }
  // A file that is none of TensorFlow's, or too old, is named as such by checkLibrary.
  return entry === undefined
    ? { source, place: path, outcome: 'no such file' }
    : { source, place: path, outcome: 'found', path };
}

function* placesInCache(): Generator<Place> {
  const source = 'adjoint engine install';
  const sets = installedSets();
  if (sets.length === 0) yield { source, place: engineDirectory(), outcome: 'nothing installed' };
  for (const set of sets) yield judged(source, set.library);
}

function* placesInTfjsNode(): Generator<Place> {
  const source = 'tfjs-node';
  for (const name of ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node']) {
    const folder = packageFolder(name);
    if (folder === undefined) {
      yield { source, place: name, outcome: 'not installed' };
      continue;
    }
    const directory = join(folder, 'deps', 'lib');
    const library = libraryIn(directory);
    yield library === undefined ? { source, place: directory, outcome: 'no library' } : judged(source, library);
  }
}

function* placesInPython(): Generator<Place> {
  const source = 'python';
  const seen = new Set<string>();
  for (const command of ['python3', 'python']) {
    const answer = spawnSync(command, ['-c', PYTHON_PROBE], {
      encoding: 'utf8',
      env: process.env,
      timeout: PYTHON_TIMEOUT_MS,
      stdio: ['ignore', 'pipe', 'ignore'],
      windowsHide: true,
    });
    const folder = answer.stdout?.trim() ?? '';
    if (answer.error !== undefined) {
      const timedOut = (answer.error as NodeJS.ErrnoException).code === 'ETIMEDOUT';
      yield { source, place: command, outcome: timedOut ? 'did not answer' : 'no such command' };
    } else if (answer.status !== 0 || folder === '') {
      yield { source, place: command, outcome: answer.status === 0 ? 'has no tensorflow' : 'failed to answer' };
    } else if (!seen.has(folder)) {
      seen.add(folder);
      const library = libraryIn(folder);
      yield library === undefined ? { source, place: folder, outcome: 'no library' } : judged(source, library);
    }
  }
}

function judged(source: LibrarySource, path: string): Place {
  if (!existsSync(path)) return { source, place: path, outcome: 'no such file' };
  const version = versionBeforeLoad(path);
  if (version !== undefined && isTooOld(version)) {
    return { source, place: path, outcome: `TensorFlow ${version} is older than ${OLDEST_TENSORFLOW}` };
  }
  return { source, place: path, outcome: 'found', path };
}

function libraryIn(directory: string): string | undefined {
  return libraryPlatform()
    .libraries.map((name) => join(directory, name))
    .find((path) => existsSync(path));
}

function packageFolder(name: string): string | undefined {
  for (const from of [process.cwd(), dirname(fileURLToPath(import.meta.url))]) {
    for (let folder = from; ; folder = dirname(folder)) {
      const candidate = join(folder, 'node_modules', name);
      if (existsSync(join(candidate, 'package.json'))) return candidate;
      if (folder === dirname(folder)) break;
    }
  }
  return undefined;
}
