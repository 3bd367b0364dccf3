import { EXCLUDED_KERNELS } from './cases/excluded-kernels.js';
import type { Coverage, Row } from './collect.js';
import { CLASSES, isRight, type OrderOutcome, type Outcome } from './measure.js';

export interface Summary {
  readonly kernels: number;
  readonly excluded: number;
  readonly rows: number;
  readonly firstOrderRight: number;
  readonly secondOrderRight: number;
  readonly worstRelativeError: number;
  readonly tfjs: {
    readonly firstOrderRight: number;
    readonly secondOrderRight: number;
    readonly silentlyWrong: number;
  };
}

export function summarise({ counts, rows }: Coverage): Summary {
  const right = (order: 'first' | 'second'): number => rows.filter((row) => rightIn(row, row[order])).length;
  const plainRight = (order: 0 | 1): number => rows.filter((row) => plainVerdict(row, order) === 'right').length;
  const isSilent = (row: Row): boolean => ([0, 1] as const).some((order) => plainVerdict(row, order) === 'wrong');
  const errors = rows.flatMap(({ first, second }) =>
    [first, second].flatMap(({ eager, recorded }) => [eager, recorded]),
  );
  return {
    kernels: counts.kernels,
    excluded: counts.excluded,
    rows: rows.length,
    firstOrderRight: right('first'),
    secondOrderRight: right('second'),
    worstRelativeError: Math.max(
      ...errors.flatMap((error) => (error === null ? [] : typeof error === 'number' ? [error] : [Infinity])),
    ),
    tfjs: {
      firstOrderRight: plainRight(0),
      secondOrderRight: plainRight(1),
      silentlyWrong: rows.filter(isSilent).length,
    },
  };
}

/** A line for each row and order that is not right. */
export function problemsOf({ rows }: Coverage): string[] {
  return rows.flatMap((row) =>
    (['first', 'second'] as const).flatMap((order) =>
      (['eager', 'recorded'] as const).flatMap((way) => {
        const outcome = row[order][way];
        return isRight(outcome, row.precision) ? [] : [`${row.id}, ${order} order, ${way}: ${outcome}`];
      }),
    ),
  );
}

function rightIn(row: Row, { eager, recorded }: OrderOutcome): boolean {
  return isRight(eager, row.precision) && isRight(recorded, row.precision);
}

type Verdict = 'right' | 'wrong' | 'throws' | '-';

function plainVerdict({ plain, precision }: Row, order: 0 | 1): Verdict {
  if (plain === null) return '-';
  const outcome = plain[order];
  if (typeof outcome === 'string') return 'throws';
  return isRight(outcome, precision) ? 'right' : 'wrong';
}

const KINDS: Readonly<Record<Row['gradientCase']['kind'], string>> = {
  kernel: "Kernels of tfjs's TensorFlow backend",
  'own kernel': 'Kernels that Adjoint adds',
  op: 'Functions of several kernels',
  activation: 'Activations',
  layer: 'Layers, by inputs and weights',
  loss: 'Losses, by predictions and float labels',
};

export function toMarkdown(coverage: Coverage): string {
  const { counts, rows } = coverage;
  const summary = summarise(coverage);
  const compared = rows.filter(({ plain }) => plain !== null).length;
  const excluded = Object.entries(EXCLUDED_KERNELS).map(([name, reason]) => [name, reason]);
  const sections = Object.entries(KINDS).flatMap(([kind, title]) => {
    const own = rows.filter(({ gradientCase }) => gradientCase.kind === kind);
    return own.length === 0 ? [] : [`## ${title}`, '', table(HEAD, own.map(cells)), ''];
  });
  const classes = Object.entries(CLASSES).map(
    ([name, { tolerance, meaning }]) => `- **${name}**, right within ${tolerance}: ${meaning}.`,
  );
  return [
    '# Gradient coverage',
    '',
    'Written by `npm run gradients`; do not edit. Each row is a function at a point, differentiated by every float input',
    'inside `sum(w (y + y^2 / 2))`, once and twice, op by op (eager) and as a recorded function. Numbers are relative',
    'errors, `||a - n|| / max(||a||, ||n||)`, of the worst input. The second order is that of a fixed combination of all',
    'first derivatives. The column "point" tells rows away from kinks from those 2^-7 beside one.',
    '',
    'Recorded columns say "refused" where a shape depends on values, which no recording holds.',
    '',
    'The last two columns are plain tfjs 4.22 on the same engine, without Adjoint: right, **wrong** (a number is returned',
    'and it is not the derivative), throws, or `-` where it has nothing like it.',
    '',
    ...classes,
    '',
    `Of ${counts.kernels} kernels (${counts.kernels - counts.own} of tfjs, ${counts.own} of Adjoint) ${counts.excluded} have no derivative. ` +
      `Of ${summary.rows} rows ${summary.firstOrderRight} are right in first order and ${summary.secondOrderRight} in second;`,
    `plain tfjs is right in ${summary.tfjs.firstOrderRight} and ${summary.tfjs.secondOrderRight} of the ${compared} rows that it has, ` +
      `and wrong without a word in ${summary.tfjs.silentlyWrong}.`,
    '',
    ...sections,
    '## Kernels without a derivative',
    '',
    table(['kernel', 'reason'], excluded),
    '',
  ].join('\n');
}

const HEAD = [
  'name',
  'point',
  'class',
  'first',
  'first, recorded',
  'second',
  'second, recorded',
  'tfjs first',
  'tfjs second',
];

function cells(row: Row): string[] {
  const { gradientCase, precision, first, second } = row;
  const own = [first.eager, first.recorded, second.eager, second.recorded].map((outcome) => {
    const text = outcome === null ? 'refused' : typeof outcome === 'string' ? 'throws' : formatError(outcome);
    return isRight(outcome, precision) ? text : `**${text}**`;
  });
  const plain = ([0, 1] as const).map((order) => {
    const verdict = plainVerdict(row, order);
    return verdict === 'wrong' ? `**wrong**, ${formatError(row.plain![order])}` : verdict;
  });
  return [gradientCase.name, gradientCase.point, precision, ...own, ...plain];
}

/** Below this, what is left is the differences' own rounding, another one on every machine. */
const LEAST_SHOWN = 1e-9;

function formatError(error: Outcome): string {
  if (typeof error !== 'number') return String(error);
  if (error <= LEAST_SHOWN) return `<${LEAST_SHOWN}`;
  if (!Number.isFinite(error)) return 'not finite';
  return error >= 1e-3 ? error.toPrecision(2) : `1e${Math.ceil(Math.log10(error))}`;
}

/** As prettier lays a table out. */
function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const all = [head, ...lines].map((line) => line.map((cell) => cell.replaceAll('|', '\\|')));
  const widths = head.map((_, column) => Math.max(3, ...all.map((line) => line[column]!.length)));
  const row = (line: readonly string[]): string => `| ${line.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`;
  const [first, ...rest] = all;
  return [row(first!), row(widths.map((width) => '-'.repeat(width))), ...rest.map(row)].join('\n');
}
