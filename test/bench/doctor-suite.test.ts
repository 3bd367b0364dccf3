import { describe, expect, it } from '@jest/globals';
import { allCases } from '../../bench/doctor/all-cases.js';
import { CAUSES } from '../../src/debug/diagnoses/diagnosis.js';

const faults = allCases.filter(({ cause }) => cause !== null);
const healthy = allCases.filter(({ cause }) => cause === null);

describe('the cases of the doctor suite', () => {
  it('there are more than enough, no two of one name', () => {
    expect(faults.length).toBeGreaterThanOrEqual(28);
    expect(healthy.length).toBeGreaterThanOrEqual(26);
    expect(new Set(allCases.map(({ name }) => name)).size).toBe(allCases.length);
  });

  it.each(['first', 'closing'] as const)('the %s half has every cause, and a third of the healthy runs', (half) => {
    const causes = faults.filter((one) => one.half === half).map(({ cause }) => cause);
    expect(CAUSES.filter((cause) => !causes.includes(cause))).toEqual([]);
    const ofHalf = healthy.filter((one) => one.half === half).length;
    expect(ofHalf).toBeGreaterThanOrEqual(healthy.length / 3);
  });

  it('a refusal is given for faults alone', () => {
    expect(healthy.filter(({ refusal }) => refusal !== undefined)).toEqual([]);
  });
});
