// Writes docs/gradient-coverage.md; see scripts/run-gradients.mjs.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { EXCLUDED_KERNELS } from './cases/excluded-kernels.js';
import { collectCoverage } from './collect.js';
import { problemsOf, summarise, toMarkdown } from './report.js';

const PAGE = fileURLToPath(new URL('../../docs/gradient-coverage.md', import.meta.url));

const coverage = await collectCoverage();
writeFileSync(PAGE, toMarkdown(coverage));
for (const [name, reason] of Object.entries(EXCLUDED_KERNELS)) console.log(`excluded: ${name}: ${reason}`);
const problems = problemsOf(coverage);
for (const problem of problems) console.log(problem);
const summary = summarise(coverage);
if (process.argv.includes('--json')) {
  console.log(JSON.stringify(summary));
} else {
  const { rows, firstOrderRight, secondOrderRight, tfjs } = summary;
  console.log(`${rows} rows: first order right ${firstOrderRight}, second order right ${secondOrderRight}`);
  console.log(`tfjs: ${tfjs.firstOrderRight}, ${tfjs.secondOrderRight}, wrong in silence ${tfjs.silentlyWrong}`);
}
process.exitCode = problems.length > 0 ? 1 : 0;
