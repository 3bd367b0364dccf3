// Ten scripts that do not learn, and what the doctor says of each: `node scripts/run-example.mjs doctor-tour`.
import { GradientDoctor } from 'adjoint';
import { Command } from 'commander';
import { PATIENTS, trainHealthy } from './patients.js';

interface Flags {
  readonly fix?: boolean;
  readonly json?: boolean;
  readonly smoke?: boolean;
}

const flags = new Command('doctor-tour')
  .description('Trains ten networks with a fault each, and one without, under a GradientDoctor.')
  .option('--fix', 'try the fixes that can be made by themselves')
  .option('--json', 'print the result as one JSON object on the last line')
  .option('--smoke', 'fewer epochs')
  .parse()
  .opts<Flags>();

const epochs = flags.smoke === true ? 2 : 4;

async function main(): Promise<void> {
  const results: { name: string; cause: string; found: string[] }[] = [];
  for (const { name, cause, train } of PATIENTS) {
    console.log(`\n--- ${name} ---`);
    const doctor = new GradientDoctor({ tryFixes: flags.fix === true });
    // A run may end by an error; the doctor tells of that, too.
    await train(doctor, epochs).catch((error: unknown) => console.log(String(error).split('\n')[0]));
    results.push({ name, cause, found: doctor.findings.map((finding) => finding.cause) });
  }
  console.log('\n--- nothing wrong ---');
  const doctor = new GradientDoctor();
  await trainHealthy(doctor, epochs);
  const falseAlarms = doctor.findings.length;
  if (falseAlarms === 0) console.log('The doctor says nothing.');
  const found = results.filter((result) => result.found.includes(result.cause)).length;
  const works = found === PATIENTS.length && falseAlarms === 0;
  console.log(
    `\nVerdict: ${works ? 'ok' : 'FAILED'} (${found} of ${PATIENTS.length} found, ${falseAlarms} false alarms)`,
  );
  if (flags.json === true) console.log(JSON.stringify({ patients: PATIENTS.length, found, falseAlarms, results }));
  if (!works) process.exitCode = 1;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
