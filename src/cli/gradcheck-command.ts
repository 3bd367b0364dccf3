import type { Command } from 'commander';
import type { GradcheckOptions } from '../autodiff/gradcheck-options.js';
import type { GradcheckReport } from '../autodiff/gradcheck-report.js';
import type { TensorTree } from '../autodiff/tensor-tree.js';
import { AdjointError, OptionsError, SetupError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { didYouMean } from '../core/nearest-name.js';
import { adjointOf, loadModule, messageOf, modulePath, type Adjoint } from './user-module.js';

/** One element of a module's `gradchecks`. */
interface Gradcheck {
  readonly name: string;
  readonly fn: ((...inputs: TensorTree[]) => TensorTree) & { readonly ruleName?: string };
  readonly inputs: readonly TensorTree[];
  readonly options?: Partial<GradcheckOptions>;
  /** Whether the second order is checked, too. */
  readonly secondOrder?: boolean;
}

interface Row {
  readonly name: string;
  readonly passed: boolean;
  readonly report?: GradcheckReport;
  /** What is wrong, a line each. */
  readonly problems: readonly string[];
}

const KEYS: ReadonlySet<string> = new Set(['name', 'fn', 'inputs', 'options', 'secondOrder']);
const MISUSE = 2;

export function addGradcheckCommand(program: Command): void {
  program
    .command('gradcheck')
    .description(
      'compare gradients with differences in float64: 0 all right, 1 one is wrong, 2 the file cannot be used',
    )
    .argument('<file>', 'module that exports `gradchecks: { name, fn, inputs }[]`; .js, or .ts where tsx is installed')
    .option('--json', 'print one JSON object')
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : MISUSE))
    .action(run);
}

async function run(file: string, { json }: { json?: boolean }): Promise<void> {
  // The module may end the process, or wait for what never comes; neither must pass for a check that was made.
  const unfinished = (): void => {
    console.error(`gradcheck: the process ended before the checks of ${file} were made`);
    process.exitCode = MISUSE;
  };
  process.once('exit', unfinished);
  try {
    const path = modulePath(file, 'gradcheck');
    const checks = await loadChecks(path, file);
    const adjoint = await adjointOf(path);
    const rows = checks.flatMap((check) => runCheck(adjoint, check));
    const passed = rows.every((row) => row.passed);
    if (json === true) console.log(JSON.stringify({ file, passed, checks: rows.map(asJson) }));
    else console.log(asText(rows));
    process.exitCode = passed ? 0 : 1;
  } catch (error) {
    if (!(error instanceof AdjointError)) throw error;
    console.error(error.message);
    process.exitCode = MISUSE;
  } finally {
    process.off('exit', unfinished);
  }
}

async function loadChecks(path: string, file: string): Promise<Gradcheck[]> {
  const module = (await loadModule(path, file)) as LoadedModule;
  const gradchecks = gradchecksOf(module);
  if (!Array.isArray(gradchecks) || gradchecks.length === 0) {
    throw new SetupError('no-gradchecks', {
      where: file,
      expected: 'an export `gradchecks`, an array of { name, fn, inputs }',
      received:
        gradchecks !== undefined ? formatValue(gradchecks) : `exports ${Object.keys(module).join(', ') || '(none)'}`,
      fix: "export const gradchecks = [{ name: 'square', fn: (x) => tf.square(x), inputs: [tf.tensor1d([1, 2])] }];",
    });
  }
  return gradchecks.map((check, i) => checked(check, `gradchecks[${i}] of ${file}`));
}

interface LoadedModule {
  readonly gradchecks?: unknown;
  readonly default?: unknown;
}

/** A CommonJS module's exports may be found under `default` alone. */
function gradchecksOf(module: LoadedModule): unknown {
  if (module.gradchecks !== undefined) return module.gradchecks;
  const { default: whole } = module;
  return typeof whole === 'object' && whole !== null && 'gradchecks' in whole ? whole.gradchecks : undefined;
}

function checked(check: unknown, where: string): Gradcheck {
  const { name, fn, inputs } = (typeof check === 'object' && check !== null ? check : {}) as Partial<Gradcheck>;
  const named = typeof name === 'string' && name !== '';
  if (!named || typeof fn !== 'function' || !Array.isArray(inputs)) {
    const wrong = !named ? { name } : typeof fn !== 'function' ? { fn } : { inputs };
    const [[key, value]] = Object.entries(wrong) as [[string, unknown]];
    throw new OptionsError('invalid-gradcheck', {
      where: `"${key}" of ${where}`,
      expected: { name: 'a name', fn: 'a function', inputs: "an array of the function's arguments" }[key],
      received: formatValue(value),
    });
  }
  const { options } = check as Gradcheck;
  if (options !== undefined && (typeof options !== 'object' || options === null)) {
    throw new OptionsError('invalid-gradcheck', {
      where: `"options" of ${where}`,
      expected: 'an object with the options of gradcheck',
      received: formatValue(options),
    });
  }
  const unknown = Object.keys(check as object).find((key) => !KEYS.has(key));
  if (unknown === undefined) return check as Gradcheck;
  throw new OptionsError('invalid-gradcheck', { where, received: `"${unknown}"`, fix: didYouMean(unknown, KEYS) });
}

function runCheck(adjoint: Adjoint, { name, fn, inputs, options, secondOrder }: Gradcheck): Row[] {
  const rule = fn.ruleName === undefined ? '' : `rule "${fn.ruleName}", `;
  const row = (title: string, check: Adjoint['gradcheck']): Row => {
    try {
      const report = check(fn, inputs, { ...options, throws: false });
      const problems = report.failures.map((failure) => `${title}: ${rule}${failure}`);
      return { name: title, passed: report.passed, report, problems };
    } catch (error) {
      return { name: title, passed: false, problems: [`${title}: ${messageOf(error)}`] };
    }
  };
  const second = secondOrder === true ? [row(`${name}, second order`, adjoint.gradgradcheck)] : [];
  return [row(name, adjoint.gradcheck), ...second];
}

function asText(rows: readonly Row[]): string {
  const cells = rows.map(({ name, passed, report }) => [
    name,
    report === undefined ? '-' : report.error.toExponential(1),
    passed ? (report!.kinks.length === 0 ? 'ok' : `ok, ${report!.kinks.length} at kinks`) : 'FAILED',
  ]);
  const table = [['check', 'worst error', 'verdict'], ...cells];
  const widths = [0, 1].map((column) => Math.max(...table.map((row) => row[column]!.length)));
  const lines = table.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
  return [...lines, ...rows.flatMap(({ problems }) => problems)].join('\n');
}

function asJson({ name, passed, report, problems }: Row): object {
  return { name, passed, error: report?.error ?? null, worst: report?.worst ?? null, problems, report: report ?? null };
}
