import { OptionsError } from './errors.js';
import { formatValue } from './format-value.js';
import { didYouMean } from './nearest-name.js';

/**
 * Chooses paths such as `body/conv2d/kernel`: a glob (`*` within one part, `**` across parts; a bare `body` also takes
 * everything below it), a regular expression, a function, or a list of these.
 */
export type PathPredicate = string | RegExp | ((path: string) => boolean) | readonly PathPredicate[];

/**
 * Compiles a predicate once, so that it can be asked for many paths.
 *
 * @param where - what it belongs to, for the error of one that is none
 */
export function compilePathPredicate(predicate: PathPredicate, where = 'path predicate'): (path: string) => boolean {
  if (typeof predicate === 'function') return predicate;
  if (typeof predicate === 'string') {
    const expression = globToRegExp(predicate);
    return (path) => expression.test(path);
  }
  if (Array.isArray(predicate)) {
    const parts = predicate.map((part: PathPredicate) => compilePathPredicate(part, where));
    return (path) => parts.some((matches) => matches(path));
  }
  if (predicate instanceof RegExp) {
    // A sticky or global expression remembers where it stopped: the same path could match only every second time.
    const expression = new RegExp(predicate.source, predicate.flags.replace(/[gy]/g, ''));
    return (path) => expression.test(path);
  }
  throw new OptionsError('path-predicate', {
    where,
    expected: 'a glob string, a RegExp, a function of the path, or a list of these',
    received: formatValue(predicate),
  });
}

/** A predicate as errors show it. */
export function formatPredicate(predicate: PathPredicate): string {
  return predicate instanceof RegExp ? String(predicate) : formatValue(predicate);
}

/**
 * The error for a predicate that chooses nothing.
 *
 * @param what - what there is to be chosen: `weight of the model`
 * @param paths - the paths that it was asked for
 * @param words - what a string means that is no path
 */
export function choosesNothing(
  predicate: PathPredicate,
  where: string,
  what: string,
  paths: readonly string[],
  words: readonly string[] = [],
): OptionsError {
  return new OptionsError('invalid-option', {
    where,
    expected: `a predicate that chooses at least one ${what}`,
    received: formatPredicate(predicate),
    fix: didYouMean(typeof predicate === 'string' ? predicate : '', new Set([...words, ...paths.flatMap(placesOf)])),
  });
}

/** `a/b/kernel`: `a`, `a/b`, `a/b/kernel`. */
function placesOf(path: string): string[] {
  const parts = path.split('/');
  return parts.map((_, i) => parts.slice(0, i + 1).join('/'));
}

function globToRegExp(glob: string): RegExp {
  const source = glob
    .split(/(\*\*\/?|\*)/)
    .map((part) => {
      if (part === '**/') return '(?:.*/)?';
      if (part === '**') return '.*';
      if (part === '*') return '[^/]*';
      return part.replace(/[.+?^${}()|[\]\\]/g, '\\$&');
    })
    .join('');
  return new RegExp(`^${source}(?:/.*)?$`);
}
