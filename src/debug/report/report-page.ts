import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { BarChart, Chart } from './chart.js';
import { curves, heatMap, MOST_CHARACTERS, settings } from './charts.js';
import type { Found } from './found.js';
import { cutOff, formatNumber, shorten } from './format.js';
import type { StepAnatomy } from './inspect-step.js';
import { dataBlock, markup, Markup } from './markup.js';
import type { RunRecord } from './run-record.js';
import {
  chartSection,
  deadUnitsSection,
  FINDINGS,
  findingsSection,
  graphSection,
  histogramsSection,
  layersSection,
  memorySection,
  opsSection,
} from './sections.js';

/** All that a page is made from. */
export interface ReportContent {
  readonly title: string;
  readonly modelName: string;
  /** `running`, `finished`, or why the run ended early. */
  readonly state: string;
  readonly mode: string;
  readonly epochs: number;
  readonly totalSteps: number;
  readonly millisecondsPerStep: number;
  readonly record: RunRecord;
  readonly found: readonly Found[];
  /** `undefined` before the first probe. */
  readonly anatomy: StepAnatomy | { readonly problem: string } | undefined;
}

const LONGEST_TITLE = 300;

let assets: { script: Markup; scriptHash: string; style: Markup } | undefined;

/** One file with all that it needs in it; a browser that opens it asks nobody for anything. */
export function reportPage(content: ReportContent): string {
  const { state, record, found, anatomy } = content;
  const title = cutOff(content.title, LONGEST_TITLE);
  const modelName = cutOff(content.modelName, LONGEST_TITLE);
  const { script, scriptHash, style } = (assets ??= readAssets());
  const newest = record.latest.at(-1);
  const step = anatomy !== undefined && 'graph' in anatomy ? anatomy : undefined;
  const charts: Record<string, Chart> = {};
  const chart = (id: string, drawn: Chart, words: string, wide = false): Markup => {
    charts[id] = drawn;
    return chartSection(id, drawn, words, wide);
  };
  const lines = [...curves(record), ...settings(record)].map((drawn, i) =>
    chart(`line-${i}`, drawn, drawn.kind === 'lines' && drawn.title === 'Loss' ? LOSS_WORDS : ''),
  );
  const gradients = heatMap(record, 'gradientNorms', 'Gradient norms by layer', 'gradient norm');
  const updates = heatMap(record, 'updateRatios', 'Update ratios by layer', 'update ratio');
  const running = state === 'running';
  const told = found.slice(0, FINDINGS).map(({ from, title: cause }) => ({ from, title: cause }));
  const page = markup`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; script-src 'sha256-${scriptHash}'; style-src 'unsafe-inline'; img-src data:"
        />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="generator" content="Adjoint" />
        <title>${title}</title>
        <style>${style}</style>
      </head>
      <body>
        <header>
          <h1>${title}<span class="state ${running || state === 'finished' ? state : 'ended'}">${state}</span></h1>
          <ul class="facts">
            <li>model <b>${modelName}</b></li>
            <li>epochs <b>${record.epochs.length} of ${content.epochs}</b></li>
            <li>steps <b>${content.totalSteps}</b></li>
            <li><b>${formatNumber(content.millisecondsPerStep)} ms</b> a step, ${content.mode}</li>
            <li>written <b>${new Date().toISOString().replace('T', ' ').slice(0, 19)}</b> UTC</li>
            ${
              running
                ? markup`<li>
                    <label><input type="checkbox" id="follow" checked /> follow: reload every 10 seconds</label>
                  </li>`
                : undefined
            }
          </ul>
          <noscript><p>Without scripts there are no charts; their numbers are in the tables.</p></noscript>
        </header>
        <main class="grid">
          ${findingsSection(found)}
          <div class="lines">${lines}</div>
          ${gradients.rows.length > 0 ? chart('gradients', gradients, GRADIENT_WORDS, true) : undefined}
          ${updates.rows.length > 0 ? chart('updates', updates, UPDATE_WORDS, true) : undefined}
          ${newest && layersSection(newest)} ${histogramsSection(record)} ${newest && deadUnitsSection(record.latest)}
          ${step && memorySection(step)} ${step && graphSection(step, newest)}
          ${step && chart('time', timeByLayer(step), 'Sums over the ops of a traced step; ops run side by side and then take longer each.', true)}
          ${step && opsSection(step)}
          ${
            anatomy !== undefined && 'problem' in anatomy
              ? markup`<section class="wide">
                  <h2>The step</h2>
                  <p>It could not be traced, so there are no times, no memory and no graph:</p>
                  <pre>${anatomy.problem}</pre>
                </section>`
              : undefined
          }
        </main>
        <footer>
          Written by Adjoint. The same numbers stand in report.jsonl, and for TensorBoard in the folder tensorboard.
        </footer>
        ${dataBlock('data', { title, modelName, state, running, charts, found: told })}
        <script>${script}</script>
      </body>
    </html> `;
  return page.text;
}

const LOSS_WORDS = 'Means over each epoch, and the loss of single batches that were measured.';
const GRADIENT_WORDS =
  'L2 norm of the gradient of all weights of a layer, before clipping, by powers of ten. Grey is zero, red NaN or infinite.';
const UPDATE_WORDS =
  'How far a step moved the weights of a layer, by their own norm. Around 1e-3 is usual; near 1 the layer is thrown about, below 1e-6 it stands still.';

function timeByLayer({ profile }: StepAnatomy): BarChart {
  return {
    kind: 'bars',
    title: 'Time by layer',
    xLabel: 'microseconds',
    rows: profile.layers.flatMap(({ path: whole, forwardMicroseconds, backwardMicroseconds, microseconds }) => {
      const path = shorten(whole, MOST_CHARACTERS);
      const other = microseconds - forwardMicroseconds - backwardMicroseconds;
      return [
        { name: path, part: 'forward', value: forwardMicroseconds },
        { name: path, part: 'backward', value: backwardMicroseconds },
        { name: path, part: 'update and rest', value: Math.max(0, other) },
      ].filter(({ value }) => value > 0);
    }),
  };
}

function readAssets(): NonNullable<typeof assets> {
  const read = (name: string): string => readFileSync(new URL(`../../../vendor/${name}`, import.meta.url), 'utf8');
  const script = read('report-page.js');
  return {
    script: new Markup(script),
    scriptHash: createHash('sha256').update(script).digest('base64'),
    style: new Markup(read('report-page.css')),
  };
}
