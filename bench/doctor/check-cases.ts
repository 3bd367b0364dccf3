// Trains each case without the doctor and says whether the fault bites, or the healthy run learns:
// `node --import tsx bench/doctor/check-cases.ts [seed] [part of a name]`.
import { allCases } from './all-cases.js';
import { ends } from './suite-case.js';
import { trainCase } from './train-case.js';

const seed = Number(process.argv[2] ?? Date.now() % 1_000_000);
const part = process.argv[3] ?? '';
console.log(`seed ${seed}`);
let wrong = 0;
for (const suiteCase of allCases.filter(({ name }) => name.includes(part))) {
  const began = performance.now();
  try {
    const outcome = await trainCase(suiteCase, seed, []);
    const shows = suiteCase.shows(outcome);
    if (!shows) wrong++;
    const { first, last } = ends(outcome);
    const logs = Object.entries(outcome.history).flatMap(([name, values]) =>
      name === 'loss' ? [] : [`${name} ${values.map((value) => value.toPrecision(3)).join(' ')}`],
    );
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    console.log(
      `${shows ? 'ok   ' : 'WRONG'} ${seconds.padStart(5)} s  ${suiteCase.cause ?? 'healthy'}: ${suiteCase.name}: ` +
        `loss ${first.toPrecision(4)} -> ${last.toPrecision(4)} in ${outcome.steps.length} steps, ` +
        `${outcome.tensorsKept} tensors kept; ${logs.join('; ').slice(0, 160)}`,
    );
    if (outcome.error !== null) console.log(`      ${outcome.error.message.replaceAll('\n', '\n      ')}`);
  } catch (error) {
    wrong++;
    console.log(`WRONG ${suiteCase.cause ?? 'healthy'}: ${suiteCase.name}: ${String(error)}`);
  }
}
console.log(`${wrong} wrong`);
process.exitCode = wrong > 0 ? 1 : 0;
