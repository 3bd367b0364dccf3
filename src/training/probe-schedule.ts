import { parseOptions } from '../core/parse-options.js';
import type { CallbackContract } from './callback-contract.js';
import { mergeRequests, type ProbeRequest, type ProbeSet } from './probe-contract.js';
import { ProbeRequestOptions } from './probe-request-options.js';

/** Which steps of a run are probed, and for whom. */
export class ProbeSchedule {
  private readonly sets = new Map<string, ProbeSet>();
  private readonly probing: readonly ProbeRequest[];

  /** @throws OptionsError [options-type | unknown-option | invalid-option] */
  constructor(callbacks: readonly CallbackContract[]) {
    this.probing = callbacks.flatMap(({ name, probeRequest }) => {
      if (probeRequest === undefined) return [];
      return parseOptions(ProbeRequestOptions, probeRequest, `probeRequest of callback "${name}"`);
    });
  }

  /** @param step - steps done since `compile` */
  due(step: number): ProbeSet | null {
    const due = this.probing.map(({ every }) => step % every === 0);
    if (!due.includes(true)) return null;
    const key = due.join();
    let set = this.sets.get(key);
    if (set === undefined) {
      set = mergeRequests(this.probing.filter((_, i) => due[i]));
      this.sets.set(key, set);
    }
    return set;
  }

  /** Steps that can be run together, this one first: one where it is probed, else as many as come before the next probe. */
  stepsTogether(step: number): number {
    const waits = this.probing.map(({ every }) => (step % every === 0 ? 1 : every - (step % every)));
    return Math.min(Infinity, ...waits);
  }

  /** The callbacks that get what was measured in a step; those who only listen get everything. */
  listeners(step: number, callbacks: readonly CallbackContract[]): readonly CallbackContract[] {
    return callbacks.filter(({ onProbe, probeRequest }) => {
      return onProbe !== undefined && (probeRequest === undefined || step % probeRequest.every === 0);
    });
  }
}
