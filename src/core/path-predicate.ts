import { OptionsError } from './errors.js';

/**
 * Chooses paths such as `body/conv2d/kernel`: a glob (`*` within one part, `**` across parts; a bare `body` also takes
 * everything below it), a regular expression, a function, or a list of these.
 */
export type PathPredicate = string | RegExp | ((path: string) => boolean) | readonly PathPredicate[];

/** Compiles a predicate once, so that it can be asked for many paths. */
export function compilePathPredicate(predicate: PathPredicate): (path: string) => boolean {
  if (typeof predicate === 'function') return predicate;
  if (typeof predicate === 'string') {
    const expression = globToRegExp(predicate);
    return (path) => expression.test(path);
  }
  if (Array.isArray(predicate)) {
    const parts = predicate.map((part: PathPredicate) => compilePathPredicate(part));
    return (path) => parts.some((matches) => matches(path));
  }
  if (predicate instanceof RegExp) {
    // A sticky or global expression remembers where it stopped: the same path could match only every second time.
    const expression = new RegExp(predicate.source, predicate.flags.replace(/[gy]/g, ''));
    return (path) => expression.test(path);
  }
  throw new OptionsError('path-predicate', {
    where: 'path predicate',
    expected: 'a glob string, a RegExp, a function of the path, or a list of these',
    received: String(predicate),
  });
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
