import { registerSurroundings } from '../core/replay.js';
import type { CallContext } from './call-context.js';

let running: CallContext | undefined;

/** The context of the innermost layer call that is running, which a call without a context of its own takes over. */
export function runningContext(): CallContext | undefined {
  return running;
}

/** Runs a layer's call in its context. */
export function withRunningContext<T>(context: CallContext, fn: () => T): T {
  const outer = running;
  running = context;
  try {
    return fn();
  } finally {
    running = outer;
  }
}

registerSurroundings(() => {
  const context = running;
  return (fn) => (context === undefined ? fn() : withRunningContext(context, fn));
});
