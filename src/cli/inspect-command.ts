import Table from 'cli-table3';
import type { Command } from 'commander';
import { AdjointError } from '../core/errors.js';
import { inspectPath } from './inspect-path.js';
import type { Inspection } from './inspection.js';
import { formatBytes } from './terminal-progress.js';

const TITLES: Readonly<Record<Inspection['kind'], string>> = {
  safetensors: 'safetensors file',
  model: 'model',
  checkpoint: 'training checkpoint',
  repro: 'step to replay',
  checkpoints: 'folder of training checkpoints',
  'layers-model': 'tf.layers model',
  folder: 'folder',
};

export function addInspectCommand(program: Command): void {
  program
    .command('inspect')
    .description('say what a model, checkpoint or weight file holds and whether it is whole: 0 it is, 1 it is not')
    .argument('<path>', 'a .safetensors file, a folder that Adjoint wrote, or the model.json of a tf.layers model')
    .option('--json', 'print one JSON object')
    .action(run);
}

async function run(path: string, { json }: { json?: boolean }): Promise<void> {
  let inspection: Inspection;
  try {
    inspection = await inspectPath(path);
  } catch (error) {
    if (!(error instanceof AdjointError) || json !== true) throw error;
    const { kind, message } = error;
    console.log(JSON.stringify({ path, complete: false, problems: [message], error: kind }));
    process.exitCode = 1;
    return;
  }
  console.log(json === true ? JSON.stringify(inspection) : asText(inspection));
  if (!inspection.complete) process.exitCode = 1;
}

function asText({ path, kind, complete, problems, bytes, ...rest }: Inspection): string {
  const { version, writtenBy, created, meta = {}, files = [], tensors = [], checkpoints = [] } = rest;
  const facts: [string, string | undefined][] = [
    [TITLES[kind], path],
    ['whole', complete ? 'yes' : 'NO'],
    ['size', formatBytes(bytes)],
    ['format version', version?.toString()],
    ['written by', writtenBy],
    ['written at', created],
    ...Object.entries(meta).map(([name, value]): [string, string] => [name, shortened(value)]),
  ];
  const shown = facts.filter((fact): fact is [string, string] => fact[1] !== undefined);
  const width = Math.max(...shown.map(([name]) => printable(name).length));
  const sections = [
    shown.map(([name, value]) => `${printable(name).padEnd(width)}  ${printable(value)}`).join('\n'),
    table(
      ['checkpoint', 'step', 'size', 'written at', 'whole'],
      checkpoints.map((row) => [
        row.name,
        row.step,
        formatBytes(row.bytes),
        row.created ?? '-',
        row.complete ? 'yes' : 'NO',
      ]),
    ),
    table(
      ['file', 'size', 'SHA-256'],
      files.map((file) => [file.name, formatBytes(file.bytes), file.sha256?.slice(0, 16) ?? '-']),
    ),
    table(
      ['tensor', 'type', 'shape', 'size', 'file'],
      tensors.map((row) => [row.name, row.dtype, `[${row.shape.join(', ')}]`, formatBytes(row.bytes), row.file]),
    ),
    problems.map((problem) => `wrong: ${printable(problem)}`).join('\n'),
  ];
  return sections.filter((section) => section !== '').join('\n');
}

function table(head: string[], rows: (string | number)[][]): string {
  if (rows.length === 0) return '';
  const made = new Table({ head, style: { head: [], border: [] } });
  made.push(...rows.map((row) => row.map((cell) => printable(String(cell)))));
  return made.toString();
}

function shortened(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > 100 ? `${text.slice(0, 97)}...` : text;
}

/** Names come from the file: none of them may steer the terminal. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (sign) => `\\u{${sign.codePointAt(0)!.toString(16)}}`);
}
