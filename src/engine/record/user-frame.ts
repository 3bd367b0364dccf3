import { fileURLToPath } from 'node:url';

/** Where this package's own code lies: frames from there are not the user's. */
const OWN = fileURLToPath(new URL('../../', import.meta.url));

/** ` at file:line`, the innermost frame of the stack that is neither Adjoint's, tfjs's nor Node's. */
export function userFrame(): string {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 60;
  const lines = (new Error().stack ?? '').split('\n').slice(1);
  Error.stackTraceLimit = limit;
  for (const line of lines) {
    const place = /\(?((?:file:\/\/)?[^\s()]+:\d+:\d+)\)?$/.exec(line)?.[1]?.replace('file://', '');
    if (place === undefined || place.startsWith('node:') || place.startsWith(OWN)) continue;
    if (/[\\/]node_modules[\\/]|[\\/]vendor[\\/]tfjs-node-gpu/.test(place)) continue;
    return ` at ${place}`;
  }
  return '';
}
