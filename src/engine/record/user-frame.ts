import { fileURLToPath } from 'node:url';

/** Where this package's own code lies, also as source maps have it: frames from there are not the user's. */
const OWN = ['src/', 'dist/'].map((folder) => fileURLToPath(new URL(`../../../${folder}`, import.meta.url)));
/** Dependencies; source maps place tfjs in folders of its own repository. */
const DEPENDENCY = /[\\/]node_modules[\\/]|[\\/]vendor[\\/]tfjs-node-gpu|[\\/]tfjs-[a-z-]+[\\/]src[\\/]/;
const FRAMES = 60;

/** ` at file:line:column`, the innermost frame of the stack that is neither Adjoint's, tfjs's nor Node's. */
export function userFrame(): string {
  return captureUserFrame()();
}

/** {@link userFrame} of now, to be asked for later: what is kept costs little as long as nobody asks. */
export function captureUserFrame(): () => string {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = FRAMES;
  const here = new Error();
  Error.stackTraceLimit = limit;
  return () => {
    const found = firstUserPlace(here.stack ?? '', OWN);
    return found === undefined ? '' : ` at ${found}`;
  };
}

/** `file:line:column` of the innermost frame of an error's stack that is the user's. */
export function userPlaceOf({ stack = '' }: Error): string | undefined {
  return firstUserPlace(stack, OWN);
}

/** @param own - folders whose frames are passed over, with a separator at their ends */
export function firstUserPlace(stack: string, own: readonly string[]): string | undefined {
  for (const line of stack.split('\n')) {
    // `at name (place)`, `at async name (place)`, `at place`; names hold no " (", paths may hold anything.
    const place = /^\s+at (?:.*? \()?(.+:\d+:\d+)\)?$/.exec(line)?.[1];
    if (place === undefined) continue;
    const path = asPath(place.replace(/^async /, ''));
    if (path.startsWith('node:') || own.some((folder) => path.startsWith(folder)) || DEPENDENCY.test(path)) continue;
    return path;
  }
  return undefined;
}

/** Node names ES modules by URL, where a space is `%20`. */
function asPath(place: string): string {
  if (!place.startsWith('file:')) return place;
  const [, url, position] = /^(.*?)((?::\d+){2})$/.exec(place)!;
  return `${fileURLToPath(url!)}${position!}`;
}
