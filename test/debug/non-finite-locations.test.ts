import { describe, expect, it } from '@jest/globals';
import { useTestEngine } from '../helpers/engine.js';
import { FAULT_MODES, NON_FINITE_FAULTS, runFault, type FaultMode } from '../helpers/non-finite-faults.js';

useTestEngine();

describe.each(Object.keys(FAULT_MODES) as FaultMode[])('the first non-finite value of a %s run', (mode) => {
  it.each(NON_FINITE_FAULTS.map((fault) => [fault.name, fault] as const))('is found: %s', async (_name, fault) => {
    const { wrong, stopReason } = await runFault(fault, mode);
    expect(wrong).toEqual([]);
    expect(stopReason).toContain('is not finite');
  });
});
