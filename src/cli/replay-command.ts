import type { Command } from 'commander';
import { AdjointError, SetupError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import type { BaseModel } from '../model/base-model.js';
import { loadModule, messageOf, modulePath } from './user-module.js';

const NOT_FOUND = 1;
const MISUSE = 2;

export function addReplayCommand(program: Command): void {
  program
    .command('replay')
    .description(
      'run a step that NonFiniteGuard kept again, and find its first non-finite value: 0 found, 1 the step is finite, ' +
        '2 folder or file cannot be used',
    )
    .argument('<directory>', 'folder that the guard wrote: its option reproDirectory')
    .requiredOption(
      '--model <file>',
      'module that exports `model`, compiled as in the run, or a default function that makes it; .js, or .ts where tsx is installed',
    )
    .option('--json', 'print one JSON object')
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : MISUSE))
    .action(run);
}

async function run(directory: string, { model: file, json }: { model: string; json?: boolean }): Promise<void> {
  // The module may end the process, or wait for what never comes; neither must pass for a step that was found finite.
  const unfinished = (): void => {
    console.error(`replay: the process ended before the step of ${directory} was run`);
    process.exitCode = MISUSE;
  };
  process.once('exit', unfinished);
  try {
    const model = await loadModel(file);
    const report = await model.replay(directory);
    console.log(json === true ? JSON.stringify({ directory, ...report, culprit: report.culprit }) : report.table());
    process.exitCode = report.kind === 'unreproduced' ? NOT_FOUND : 0;
    model.dispose();
  } catch (error) {
    // An error of the module's own copy of Adjoint is of another class.
    if (!(error instanceof AdjointError) && !(error instanceof Error && 'kind' in error)) throw error;
    console.error(error.message);
    process.exitCode = MISUSE;
  } finally {
    process.off('exit', unfinished);
  }
}

async function loadModel(file: string): Promise<BaseModel> {
  const module = (await loadModule(modulePath(file, 'replay'), file)) as { model?: unknown; default?: unknown };
  let made = module.model ?? module.default;
  if (typeof made === 'function') {
    try {
      made = (await (made as () => unknown)()) as unknown;
    } catch (error) {
      throw new SetupError('module-failed', {
        where: `default function of ${file}`,
        expected: 'a compiled model',
        received: messageOf(error),
      });
    }
  }
  // A CommonJS module's exports may be found under `default` alone.
  if (typeof made === 'object' && made !== null && !('replay' in made) && 'model' in made) made = made.model;
  if (typeof made === 'object' && made !== null && 'replay' in made) return made as BaseModel;
  throw new SetupError('no-model', {
    where: file,
    expected: 'an export `model`, or a default function that returns a compiled model',
    received: made === undefined ? `exports ${Object.keys(module).join(', ') || '(none)'}` : formatValue(made),
    fix: 'export const model = makeModel();',
  });
}
