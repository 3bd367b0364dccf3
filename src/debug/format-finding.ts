import type { DoctorFinding } from './diagnoses/diagnosis.js';

/** A finding as lines for a terminal. */
export function formatFinding({ cause, symptom, evidence, where, fix }: DoctorFinding): string {
  return [
    `GradientDoctor: ${cause}${where === undefined ? '' : `, ${where}`}`,
    `  symptom   ${symptom}`,
    `  evidence  ${evidence}`,
    `  fix       ${fix}`,
  ].join('\n');
}
