import type { HeatMap, LineChart, Series } from './chart.js';
import type { EpochEntry, ProbeEntry, RunRecord } from './run-record.js';

/** Points of a curve; more would not be told apart. */
const MOST_POINTS = 1000;
const SETTINGS: Readonly<Record<string, string>> = { learningRate: 'Learning rate', lossScale: 'Loss scale' };

/** Loss first, then the other logs, each with that of the validation beside it. */
export function curves({ epochs, probes }: RunRecord): LineChart[] {
  const names = [...new Set(epochs.flatMap(({ logs }) => Object.keys(logs)))];
  const bases = [...new Set(['loss', ...names.map((name) => name.replace(/^val_/, ''))])];
  return bases
    .filter((name) => !(name in SETTINGS))
    .map((name) => ({
      kind: 'lines' as const,
      title: name === 'loss' ? 'Loss' : name,
      yLabel: name,
      series: [
        ...(name === 'loss' ? [seriesOfProbes('single batches', probes, ({ loss }) => loss)] : []),
        ...seriesOfEpochs('training', epochs, name),
        ...seriesOfEpochs('validation', epochs, `val_${name}`),
      ],
    }))
    .filter(({ series }) => series.length > 0);
}

/** Learning rate, and the loss scale where there is one. */
export function settings({ epochs, probes }: RunRecord): LineChart[] {
  const rate = [...probes, ...epochs]
    .toSorted((a, b) => a.totalSteps - b.totalSteps)
    .filter(({ learningRate }, i, all) => i === 0 || learningRate !== all[i - 1]!.learningRate || i === all.length - 1);
  const scale = seriesOfEpochs('loss scale', epochs, 'lossScale');
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
      name: name === '' ? '(model)' : name,
      values: probes.map((probe) => rounded(probe[quantity][name])),
    })),
  };
}

/** To what a colour shows: the page is to stay small. */
function rounded(value: number | undefined): number | null {
  return value === undefined ? null : Number(value.toPrecision(4));
}

/** At most so many, evenly spaced, with the last. */
function thinned<T>(entries: readonly T[]): readonly T[] {
  const every = Math.ceil(entries.length / MOST_POINTS);
  return entries.filter((_, i) => i % every === 0 || i === entries.length - 1);
}

function seriesOfEpochs(name: string, epochs: readonly EpochEntry[], log: string): Series[] {
  const having = thinned(epochs.filter(({ logs }) => log in logs));
  if (having.length === 0) return [];
  return [{ name, x: having.map(({ totalSteps }) => totalSteps), y: having.map(({ logs }) => logs[log]!) }];
}

function seriesOfProbes(name: string, probes: readonly ProbeEntry[], of: (probe: ProbeEntry) => number): Series {
  return { name, x: probes.map(({ totalSteps }) => totalSteps), y: probes.map(of), faint: true };
}
