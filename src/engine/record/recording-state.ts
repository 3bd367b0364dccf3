import { runningEngine } from '../start-engine.js';
import { bakedNumber } from './trace-errors.js';

/** Whether a function is being recorded at this moment; it does not start the engine. */
export function isRecording(): boolean {
  const engine = runningEngine();
  return engine !== undefined && 'recording' in engine.backend.binding;
}

/**
 * To be called where a number is handed out that changes between steps: a recording would bake it in.
 *
 * @throws TraceError [baked-number] while a function is being recorded
 */
export function refuseBaking(what: string, fix: string): void {
  if (isRecording()) throw bakedNumber(what, fix);
}
