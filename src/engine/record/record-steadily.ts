import type { Tensor } from '../tfjs.js';
import type { RecordedGraph } from './recorded-graph.js';
import { Recorder } from './recorder.js';

/** The first run may fill caches; those after it must agree. */
const MOST_RUNS = 3;

/**
 * Records `fn` until two runs in a row do the same, which the second mostly does. What changes between runs (a counter
 * in JavaScript, a clock, a branch taken every other time) would be baked in as it was.
 *
 * @throws TraceError [unsteady] where no two runs agree
 */
export function recordSteadily(inputs: readonly Tensor[], fn: () => Tensor[]): RecordedGraph {
  let graph = new Recorder(inputs).record(fn);
  for (let run = 2; ; run++) {
    const recorder = new Recorder(inputs, graph);
    graph = recorder.record(fn);
    if (recorder.difference === undefined) return graph;
    if (run === MOST_RUNS) throw recorder.difference;
  }
}
