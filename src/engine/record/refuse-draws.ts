import type { TraceError } from '../../core/errors.js';
import { hostDraw } from './trace-errors.js';

/** Functions of tfjs that draw in JavaScript, as their names stand in a stack. */
const DRAWS =
  /\b(dropout|randomGamma|randomNormal|randomStandardNormal|randomUniform|randomUniformInt|truncatedNormal|multinomial)_/g;

/**
 * Runs `fn` while drawing without a seed is refused. All of tfjs's random ops take their seed from `Math.random`; with a
 * seed of the user's own they draw the same numbers in every step, recorded or not.
 *
 * @param onDraw - is told of the refusal, which user code might swallow
 */
export function refuseDraws<T>(fn: () => T, onDraw: (error: TraceError) => void): T {
  const { random } = Math;
  Math.random = () => {
    const error = hostDraw(source());
    onDraw(error);
    throw error;
  };
  try {
    return fn();
  } finally {
    Math.random = random;
  }
}

/** The outermost random op of tfjs that is running, else `Math.random` itself. */
function source(): string {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 20;
  const names = [...(new Error().stack ?? '').matchAll(DRAWS)];
  Error.stackTraceLimit = limit;
  const name = names.at(-1)?.[1];
  return name === undefined ? 'Math.random' : `tf.${name}`;
}
