// `npm run nan:suite [-- --json]`: trains with each injected fault in each mode and says whether its op and layer were found.
import Table from 'cli-table3';
import { Command } from 'commander';
import { FAULT_MODES, NON_FINITE_FAULTS, runFault, type FaultMode } from '../helpers/non-finite-faults.js';

const { json = false } = new Command('nan-suite')
  .description('Injects non-finite values into training and looks whether NonFiniteGuard names op, layer and examples.')
  .option('--json', 'no table; the last line is the same')
  .parse()
  .opts<{ json?: boolean }>();

async function main(): Promise<void> {
  const modes = Object.keys(FAULT_MODES) as FaultMode[];
  const table = new Table({
    head: ['fault', 'kind', 'found', ...modes],
    style: { head: [], border: [], compact: true },
  });
  let right = 0;
  const problems: string[] = [];
  for (const fault of NON_FINITE_FAULTS) {
    let culprit = '';
    const cells: string[] = [];
    for (const mode of modes) {
      const { wrong, report } = await runFault(fault, mode);
      culprit ||= report?.culprit ?? '';
      cells.push(wrong.length === 0 ? 'right' : 'WRONG');
      problems.push(...wrong.map((problem) => `${fault.name}, ${mode}: ${problem}`));
      if (json)
        console.log(
          JSON.stringify({
            fault: fault.name,
            kind: fault.kind,
            mode,
            right: wrong.length === 0,
            culprit: report?.culprit ?? null,
          }),
        );
    }
    table.push([fault.name, fault.kind, culprit, ...cells]);
    if (cells.every((cell) => cell === 'right')) right++;
  }
  if (!json) console.log(table.toString());
  for (const problem of problems) console.log(problem);
  console.log(JSON.stringify({ faults: NON_FINITE_FAULTS.length, modes: modes.length, right }));
  if (right < NON_FINITE_FAULTS.length) process.exitCode = 1;
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
