import type { ProbeReading } from '../../training/probe-contract.js';
import type { Chart } from './chart.js';
import { MOST_CHARACTERS } from './charts.js';
import { drawHistograms } from './draw-histograms.js';
import { drawLayerGraph } from './draw-layer-graph.js';
import type { Found } from './found.js';
import { formatBytes, formatMicroseconds, formatNumber, formatPercent, cutOff, shorten } from './format.js';
import type { StepAnatomy } from './inspect-step.js';
import { markup, type Content, type Markup } from './markup.js';
import { histogramsOf, type HistogramKind, type RunRecord } from './run-record.js';

const ROWS_OF_A_LIST = 200;
const OPS = 15;
export const FINDINGS = 50;
/** Of one callback and kind, so that they do not hide the others. */
const ALIKE = 5;
/** Characters of what a finding says in one place. */
const LONGEST_WORDS = 2000;
/** A histogram takes some 500 bytes. */
const HISTOGRAM_ROWS = 100;
/** Probes whose histograms are drawn over each other. */
const OVERLAID = 3;
const UNITS = 12;

/** A table with named columns; more rows than one reads are left out, and said to be. */
function table(head: readonly string[], rows: readonly (readonly Content[])[]): Markup {
  const shown = rows.slice(0, ROWS_OF_A_LIST);
  const rest = rows.length - shown.length;
  return markup`<div class="scroll">
      <table>
        <thead>
          <tr>
            ${head.map((name) => markup`<th scope="col">${shorten(name, MOST_CHARACTERS)}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${shown.map(
            (row) =>
              markup`<tr>
                ${row.map((cell) => markup`<td>${typeof cell === 'string' ? shorten(cell, MOST_CHARACTERS) : cell}</td>`)}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    ${rest > 0 ? markup`<p class="soft">and ${rest} rows more: see report.jsonl</p>` : undefined}`;
}

/** A place for a chart, with its numbers in a table for whoever does not see it. */
export function chartSection(id: string, chart: Chart, words: Content, wide = false): Markup {
  return markup`<section${wide ? markup` class="wide"` : undefined}><figure><figcaption><h2>${chart.title}</h2><p class="soft">${words}</p></figcaption>
    <div data-chart="${id}"></div></figure><details><summary>Numbers</summary>${numbersOf(chart)}</details></section>`;
}

function numbersOf(chart: Chart): Markup {
  if (chart.kind === 'bars') {
    return table(
      ['', '', chart.xLabel],
      chart.rows.map(({ name, part, value }) => [name, part, formatNumber(value)]),
    );
  }
  if (chart.kind === 'heat') {
    const { rows, steps, valueLabel } = chart;
    const first = steps[0] ?? 0;
    const last = steps.at(-1) ?? 0;
    const at = (value: number | null | undefined): string => formatNumber(value ?? undefined);
    return table(
      ['layer', `${valueLabel} at step ${first}`, `at step ${last}`],
      rows.map(({ name, values }) => [name, at(values[0]), at(values.at(-1))]),
    );
  }
  const lines = chart.series.filter(({ faint }) => faint !== true);
  const shown = lines.length > 0 ? lines : chart.series;
  const steps = [...new Set(shown.flatMap(({ x }) => x))].toSorted((a, b) => a - b);
  const byStep = shown.map(({ x, y }) => new Map(x.map((step, i) => [step, y[i]!])));
  return table(
    ['step', ...shown.map(({ name }) => name)],
    steps.map((step) => [step, ...byStep.map((values) => formatNumber(values.get(step), 5))]),
  );
}

/** What the doctor and the monitors found. */
export function findingsSection(found: readonly Found[]): Markup {
  const kinds = new Map<string, Found[]>();
  for (const one of found) {
    const kind = `${one.from} ${one.title}`;
    kinds.set(kind, [...(kinds.get(kind) ?? []), one]);
  }
  const shown = [...kinds.values()].flatMap((alike) =>
    alike.slice(0, ALIKE).map((one, i) => ({ ...one, rest: i === ALIKE - 1 ? alike.length - ALIKE : 0 })),
  );
  const cards = shown.slice(0, FINDINGS).map(
    ({ from, title, words, rest }) =>
      markup`<article class="finding">
        <h3>${title} <span class="soft">(${from})</span></h3>
        <dl>
          ${Object.entries(words).map(
            ([name, text]) =>
              markup`<dt>${name}</dt>
                <dd>${cutOff(text, LONGEST_WORDS)}</dd>`,
          )}
        </dl>
      </article>${rest > 0 ? markup`<p class="soft">and ${rest} more like it: see report.jsonl</p>` : undefined}`,
  );
  return markup`<section class="wide">
    <h2>Findings</h2>
    ${shown.length > FINDINGS ? markup`<p class="soft">The first ${FINDINGS} of ${found.length}.</p>` : undefined}${
      found.length > 0
        ? cards
        : markup`<p class="soft">None so far: no callback of this run has found anything wrong.</p>`
    }
  </section>`;
}

/** The newest measurement of every layer. */
export function layersSection(reading: ProbeReading): Markup {
  const rows = Object.entries(reading.layers).map(([path, layer]) => [
    path === '' ? '(model)' : path,
    formatNumber(layer.mean),
    formatNumber(layer.standardDeviation),
    layer.zeroFraction === undefined ? '–' : formatPercent(layer.zeroFraction),
    layer.saturation === undefined ? '–' : formatPercent(layer.saturation),
    formatNumber(layer.cotangentNorm),
    layer.nonFinite ?? '–',
  ]);
  return markup`<section class="wide">
    <h2>Layers at step ${reading.totalSteps}</h2>
    <p class="soft">Outputs of each layer, and the L2 norm of the gradient of the loss by them.</p>
    ${table(['layer', 'mean', 'deviation', 'zeros', 'saturated', 'gradient norm', 'NaN or infinite'], rows)}
  </section>`;
}

/** Units that were zero for every example of the newest probes. */
export function deadUnitsSection(latest: readonly ProbeReading[]): Markup | undefined {
  const layers = Object.entries(latest.at(-1)!.layers).filter(([, { unitActivity }]) => unitActivity !== undefined);
  if (layers.length === 0) return undefined;
  const rows = layers.map(([path, { unitActivity }]) => {
    const dead = unitActivity!.flatMap((_, unit) =>
      latest.every(({ layers: all }) => (all[path]?.unitActivity?.[unit] ?? 0) === 0) ? [unit] : [],
    );
    const share = dead.length / Math.max(1, unitActivity!.length);
    const list = `${dead.slice(0, UNITS).join(', ')}${dead.length > UNITS ? ', …' : ''}`;
    return {
      dead: dead.length,
      row: [path === '' ? '(model)' : path, unitActivity!.length, dead.length, bar(share), list],
    };
  });
  const found = rows.filter(({ dead }) => dead > 0);
  const probes = latest.length === 1 ? 'the newest probe' : `the newest ${latest.length} probes`;
  return markup`<section>
    <h2>Dead units</h2>
    <p class="soft">Units whose output was zero for every example in ${probes}.</p>
    ${
      found.length === 0
        ? markup`<p>None in ${rows.length} layers.</p>`
        : table(
            ['layer', 'units', 'dead', 'share', 'which'],
            found.map(({ row }) => row),
          )
    }
  </section>`;
}

/** Where outputs, weights and gradients lie. */
export function histogramsSection({ latest }: RunRecord): Markup | undefined {
  const kinds: readonly HistogramKind[] = ['outputs', 'weights', 'gradients'];
  const byPath = new Map<string, Partial<Record<HistogramKind, Markup>>>();
  for (const kind of kinds) {
    const readings = latest.slice(-OVERLAID).map((reading) => new Map(histogramsOf(reading, kind)));
    for (const path of readings.at(-1)?.keys() ?? []) {
      const histograms = readings.flatMap((reading) => reading.get(path) ?? []);
      const entry = byPath.get(path) ?? {};
      byPath.set(path, entry);
      entry[kind] = drawHistograms(
        histograms,
        `${kind} of ${path === '' ? 'the model' : shorten(path, MOST_CHARACTERS)}`,
      );
    }
  }
  if (byPath.size === 0) return undefined;
  const section = (name: string, shown: readonly HistogramKind[]): Markup | undefined => {
    const rows = [...byPath].filter(([, drawn]) => shown.some((kind) => kind in drawn));
    if (rows.length === 0) return undefined;
    return markup`<section class="histograms">
      <h2>${name}</h2>
      <p class="soft">The newest probe filled, those before it as lines; each as high as its fullest bin.</p>
      ${table(
        ['', ...shown],
        rows
          .slice(0, HISTOGRAM_ROWS)
          .map(([path, drawn]) => [path === '' ? '(model)' : path, ...shown.map((kind) => drawn[kind])]),
      )}${rows.length > HISTOGRAM_ROWS ? markup`<p class="soft">and ${rows.length - HISTOGRAM_ROWS} more: see report.jsonl</p>` : undefined}
    </section>`;
  };
  return markup`${section('Weights and their gradients', ['weights', 'gradients'])}${section('Outputs of layers', ['outputs'])}`;
}

/** The layers of the forward pass and what flows between them. */
export function graphSection({ graph }: StepAnatomy, reading: ProbeReading | undefined): Markup {
  const cotangents = new Map(
    Object.entries(reading?.layers ?? {}).map(([path, { cotangentNorm }]) => [path, cotangentNorm]),
  );
  const nameOf = (index: number): string => graph.boxes[index]!.label || 'outside layers';
  return markup`<section class="wide">
    <h2>Computation graph</h2>
    <p class="soft">
      From the batch down to the loss. On each edge the shape of the tensor and, after ∂, the L2 norm of the gradient of
      the loss by it${reading && markup` at step ${reading.totalSteps}`}.
    </p>
    <div class="scroll" tabindex="0">${drawLayerGraph(graph, cotangents)}</div>
    <details>
      <summary>Numbers</summary>
      ${table(
        ['from', 'to', 'shape', 'gradient norm'],
        graph.edges.map(({ from, to, shape }) => [
          nameOf(from),
          nameOf(to),
          `[${shape.join(', ')}]`,
          formatNumber(cotangents.get(graph.boxes[from]!.path || ' ')),
        ]),
      )}
    </details>
  </section>`;
}

/** What a step holds. */
export function memorySection({ bytes, examples }: StepAnatomy): Markup {
  const rows: readonly (readonly [string, number])[] = [
    ['parameters', bytes.parameters],
    ['optimizer state', bytes.optimizerState],
    ['batch', bytes.batch],
    ['gradients, if all at once', bytes.gradients],
    ['activations kept for the backward pass', bytes.activations],
    ['peak of the step beside parameters, state and batch', bytes.peak],
  ];
  const most = Math.max(1, ...rows.map(([, size]) => size));
  return markup`<section>
    <h2>Memory</h2>
    <p class="soft">
      Of a step on ${examples} examples; the peak as one was traced. The process holds
      ${formatBytes(process.memoryUsage().rss)}.
    </p>
    ${table(
      ['', 'size', ''],
      rows.map(([name, size]) => [name, formatBytes(size), bar(size / most)]),
    )}
  </section>`;
}

/** The slowest ops of a traced step. */
export function opsSection({ profile }: StepAnatomy): Markup {
  const rows = profile.ops
    .slice(0, OPS)
    .map(({ op, path, variable, phase, microseconds, share }) => [
      op,
      path || variable || '–',
      phase,
      formatMicroseconds(microseconds),
      bar(share),
    ]);
  return markup`<section class="wide">
    <h2>Slowest ops</h2>
    <p class="soft">
      The ${rows.length} slowest of ${profile.ops.length} ops; a step took ${profile.stepMilliseconds.toFixed(2)} ms
      when it was not traced.
    </p>
    ${table(['op', 'layer or weight', 'phase', 'time', 'part of all ops'], rows)}
  </section>`;
}

function bar(share: number): Markup {
  return markup`${formatPercent(share)}<span class="bar" style="--part: ${(100 * share).toFixed(1)}%"></span>`;
}
