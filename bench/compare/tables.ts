import Table from 'cli-table3';
import type { WorkloadResult } from './compare-workload.js';
import { rounded } from './statistics.js';
import { fastestOf, ownName, verdictsOf } from './summarise.js';

const STYLE = { head: [], border: [], compact: true };

/** All variants of one workload. */
export function workloadTable(result: WorkloadResult): string {
  const table = new Table({
    head: ['', 'peer', 'variant', 'ms a step', 'min', 'max', 'rounds', 'of ours', 'error', ''],
    colAligns: ['left', 'left', 'left', 'right', 'right', 'right', 'right', 'right', 'right', 'left'],
    style: STYLE,
  });
  const fastest = fastestOf(result);
  const own = fastest.get(ownName(result))?.step?.median;
  for (const variant of result.variants) {
    const { step } = variant;
    const shown = (value: number | undefined): string => (value === undefined ? '-' : String(rounded(value)));
    table.push([
      fastest.get(variant.peer) === variant ? '*' : variant.extra ? '+' : '',
      variant.peer,
      variant.variant,
      shown(step?.median),
      shown(step?.min),
      shown(step?.max),
      step?.rounds ?? 0,
      step === null || own === undefined ? '-' : `${(step.median / own).toFixed(2)}x`,
      variant.relativeError === null ? '-' : variant.relativeError.toExponential(0),
      variant.note,
    ]);
  }
  const [before, after] = result.load.map((load) => load.toFixed(1));
  return `\n${result.workload.key}: ${result.workload.title} (load ${before} to ${after})\n${table.toString()}`;
}

/** Ratios against what they must at least be. */
export function verdictTable(results: readonly WorkloadResult[]): string {
  const table = new Table({
    head: ['workload', 'peer', 'needs', 'at least', ''],
    colAligns: ['left', 'left', 'right', 'right', 'left'],
    style: STYLE,
  });
  for (const { workload, peer, ratio, floor, met } of results.flatMap(verdictsOf)) {
    table.push([workload, peer, `${ratio.toFixed(2)}x`, `${floor}x`, met ? 'reached' : 'MISSED']);
  }
  return `\nHow many times as long as Adjoint the peers need (* above: what counts; +: shown only)\n${table.toString()}`;
}

/** Names and numbers of one probe. */
export function probeTable(name: string, numbers: Readonly<Record<string, number>>): string {
  const table = new Table({ colAligns: ['left', 'right'], style: STYLE });
  for (const [key, value] of Object.entries(numbers)) table.push([key, String(rounded(value))]);
  return `\n${name}\n${table.toString()}`;
}
