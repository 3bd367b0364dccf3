import 'reflect-metadata';
import { FAULTS, HEALTHY } from '../../test/debug/doctor-cases.js';
import { GradientDoctor } from '../../src/debug/gradient-doctor.js';
const want = process.argv[2];
for (const one of [...FAULTS, ...HEALTHY]) {
  if (want && !one.name.includes(want)) continue;
  const doctor = new GradientDoctor({ print: false });
  const start = performance.now();
  let error: unknown;
  try { await one.train(doctor, process.env.MODE as 'eager'); } catch (e) { error = e; }
  const causes = doctor.findings.map((f) => f.cause);
  const ok = one.cause === null ? causes.length === 0 : causes.includes(one.cause);
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${one.name}: want ${one.cause}; got ${causes.join(', ')} ${(performance.now() - start).toFixed(0)} ms ${error ? 'ERR ' + String(error).slice(0, 300) : ''}`);
  if (process.argv[3]) for (const f of doctor.findings) console.log(JSON.stringify(f, null, 1));
}
