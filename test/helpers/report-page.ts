import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Chart, LineChart } from '../../src/debug/report/chart.js';

/** What a report's page carries for its script. */
export interface PageData {
  readonly title: string;
  readonly state: string;
  readonly running: boolean;
  readonly charts: Readonly<Record<string, Chart>>;
  readonly found: readonly { readonly from: string; readonly title: string }[];
}

export function readPage(directory: string): string {
  return readFileSync(join(directory, 'report.html'), 'utf8');
}

/** The data of a page, taken out as a browser would: up to the first end of a script element. */
export function pageData(page: string): PageData {
  const [, json] = /<script type="application\/json" id="data">([\s\S]*?)<\/script/i.exec(page)!;
  return JSON.parse(json!) as PageData;
}

/** A curve of a page by the title of its chart. */
export function curve(page: string, title: string, series: string): readonly number[] {
  const chart = Object.values(pageData(page).charts).find(
    (one): one is LineChart => one.kind === 'lines' && one.title === title,
  );
  return chart!.series.find(({ name }) => name === series)!.y;
}

/** The lines of report.jsonl. */
export function readLines(directory: string): (Record<string, unknown> & { readonly kind: string })[] {
  const lines = readFileSync(join(directory, 'report.jsonl'), 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as { readonly kind: string });
}
