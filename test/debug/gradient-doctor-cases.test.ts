import { describe, expect, it } from '@jest/globals';
import { CAUSES } from '../../src/debug/diagnoses/diagnosis.js';
import { DIAGNOSES } from '../../src/debug/diagnoses/diagnosis-table.js';
import { GradientDoctor } from '../../src/debug/gradient-doctor.js';
import { FAULTS, HEALTHY, type DoctorCase } from './doctor-cases.js';

async function causesOf({ train }: DoctorCase, execution: 'auto' | 'eager'): Promise<string[]> {
  const doctor = new GradientDoctor({ print: false });
  // Some faults end the run; the doctor tells of them all the same.
  await train(doctor, execution).catch(() => undefined);
  return doctor.findings.map(({ cause }) => cause);
}

describe('GradientDoctor on a training with a fault', () => {
  it.each(FAULTS.map((one) => [one.name, one.cause, one] as const))('%s: %s', async (_name, cause, one) => {
    expect(await causesOf(one, 'auto')).toContain(cause);
  });
});

describe.each(['auto', 'eager'] as const)('GradientDoctor on a healthy training, execution %s', (execution) => {
  it.each(HEALTHY.map((one) => [one.name, one] as const))('%s', async (_name, one) => {
    expect(await causesOf(one, execution)).toEqual([]);
  });
});

describe('the diagnoses', () => {
  it('are one for each cause, and each is tried by a fault', () => {
    expect(DIAGNOSES.map(({ cause }) => cause).sort()).toEqual([...CAUSES].sort());
    expect([...new Set(FAULTS.map(({ cause }) => cause))].sort()).toEqual([...CAUSES].sort());
  });
});
