import type { HeatMap, LineChart, Series } from './chart.js';
import { shorten } from './format.js';
import type { EpochEntry, ProbeEntry, RunRecord } from './run-record.js';

/** Points of a curve, which would not be told apart if they were more, and of all curves together. */
const MOST_POINTS = { ofCurve: 1000, ofAll: 8000, fewest: 20 };
/** Charts of logs; more are in the data file. */
const MOST_CHARTS = 60;
/** Of a layer's or metric's name. */
export const MOST_CHARACTERS = 120;
/** Beside an axis there is room for so many. */
const LABEL = 40;
const SETTINGS: Readonly<Record<string, string>> = { learningRate: 'Learning rate', lossScale: 'Loss scale' };

/** Loss first, then the other logs, each with that of the validation beside it. */
export function curves({ epochs, probes }: RunRecord): LineChart[] {
  const names = [...new Set(epochs.flatMap(({ logs }) => Object.keys(logs)))];
  const bases = [...new Set(['loss', ...names.map((name) => name.replace(/^val_/, ''))])];
  const shown = bases.filter((name) => !Object.hasOwn(SETTINGS, name)).slice(0, MOST_CHARTS);
  const most = Math.max(MOST_POINTS.fewest, Math.min(MOST_POINTS.ofCurve, MOST_POINTS.ofAll / (2 * shown.length)));
  // A training step of the model's own need not have a number of that name.
  const hasLoss = epochs.length === 0 || names.includes('loss');
  return shown
    .map((name) => ({
      kind: 'lines' as const,
      title: name === 'loss' ? 'Loss' : shorten(name, MOST_CHARACTERS),
      yLabel: shorten(name, LABEL),
      series: [
        ...(name === 'loss' && hasLoss ? seriesOfProbes('single batches', probes, ({ loss }) => loss) : []),
        ...seriesOfEpochs('training', epochs, name, most),
        ...seriesOfEpochs('validation', epochs, `val_${name}`, most),
      ],
    }))
    .filter(({ series }) => series.length > 0);
}

/** Learning rate, and the loss scale where there is one. */
export function settings({ epochs, probes }: RunRecord): LineChart[] {
  const changes = [...probes, ...epochs]
    .toSorted((a, b) => a.totalSteps - b.totalSteps)
    .filter(({ learningRate }, i, all) => i === 0 || learningRate !== all[i - 1]!.learningRate || i === all.length - 1);
  const rate = thinned(changes, MOST_POINTS.ofCurve);
  const scale = seriesOfEpochs('loss scale', epochs, 'lossScale', MOST_POINTS.ofCurve);
  if (rate.length === 0) return [];
  return [
    {
      kind: 'lines',
      title: SETTINGS['learningRate']!,
      yLabel: 'learning rate',
      series: [
        { name: 'learning rate', x: rate.map((at) => at.totalSteps), y: rate.map(({ learningRate }) => learningRate) },
      ],
    },
    ...(scale.length === 0
      ? []
      : [{ kind: 'lines' as const, title: SETTINGS['lossScale']!, yLabel: 'loss scale', series: scale }]),
  ];
}

/** One row for each layer, in the order of the weights. */
export function heatMap(
  { probes }: RunRecord,
  quantity: 'gradientNorms' | 'updateRatios',
  title: string,
  valueLabel: string,
): HeatMap {
  const layers = [...new Set(probes.flatMap((probe) => Object.keys(probe[quantity])))];
  return {
    kind: 'heat',
    title,
    valueLabel,
    steps: probes.map(({ totalSteps }) => totalSteps),
    rows: layers.map((name) => ({
      name: name === '' ? '(model)' : shorten(name, MOST_CHARACTERS),
      values: probes.map((probe) => rounded(Object.hasOwn(probe[quantity], name) ? probe[quantity][name] : undefined)),
    })),
  };
}

/** To what a colour shows: the page is to stay small. */
function rounded(value: number | undefined): number | null {
  return value === undefined ? null : Number(value.toPrecision(4));
}

/** At most so many, evenly spaced, with the last. */
function thinned<T>(entries: readonly T[], most: number): readonly T[] {
  const every = Math.ceil(entries.length / most);
  return entries.filter((_, i) => i % every === 0 || i === entries.length - 1);
}

function seriesOfEpochs(name: string, epochs: readonly EpochEntry[], log: string, most: number): Series[] {
  const all = epochs.filter(({ logs }) => Object.hasOwn(logs, log));
  const having = thinned(all, most);
  if (having.length === 0) return [];
  return [{ name, x: having.map(({ totalSteps }) => totalSteps), y: having.map(({ logs }) => logs[log]!) }];
}

function seriesOfProbes(name: string, probes: readonly ProbeEntry[], of: (probe: ProbeEntry) => number): Series[] {
  if (probes.length === 0) return [];
  return [{ name, x: probes.map(({ totalSteps }) => totalSteps), y: probes.map(of), faint: true }];
}
