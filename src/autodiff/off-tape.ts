import { tapeEngine } from './tape.js';

/** Runs `fn` without recording it on any tape: what it computes is a constant to every derivative. */
export function offTape<T>(fn: () => T): T {
  const { state } = tapeEngine();
  state.kernelDepth++;
  try {
    return fn();
  } finally {
    state.kernelDepth--;
  }
}
