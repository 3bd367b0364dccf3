import { axisX, axisY, cell, plot } from '@observablehq/plot';
import type { HeatMap } from '../src/debug/report/chart.js';
import { shorten } from '../src/debug/report/format.js';
import { formatNumber, roomForNames, toNumber } from './numbers.js';

const ROW = 18;
const TICK_WIDTH = 70;

interface Cell {
  readonly step: number;
  readonly row: number;
  readonly value: number;
  readonly power: number;
}

/** Powers of ten as colours: steps to the right, layers from the first down. */
export function drawHeatMap({ steps, rows, valueLabel, title }: HeatMap, width: number): Element {
  const cells = rows.flatMap(({ values }, row): Cell[] =>
    values.flatMap((given, i) => {
      if (given === null) return [];
      const value = toNumber(given);
      return [{ step: steps[i]!, row, value, power: Math.log10(value) }];
    }),
  );
  const names = rows.map(({ name }) => name);
  const { marginLeft, most } = roomForNames(names, width);
  const every = Math.max(1, Math.ceil((steps.length * TICK_WIDTH) / Math.max(TICK_WIDTH, width - marginLeft)));
  const tip = {
    tip: { fill: 'var(--card)', stroke: 'var(--line)' },
    title: ({ row, step, value }: Cell) => `${names[row]}\nstep ${step}\n${valueLabel} ${formatNumber(value)}`,
  };
  const at = { x: 'step', y: 'row', inset: 0 };
  return plot({
    width,
    height: rows.length * ROW + 44,
    marginLeft,
    marginTop: 4,
    marginBottom: 40,
    ariaLabel: title,
    style: { background: 'transparent', fontSize: '11px' },
    x: { type: 'band', domain: steps, padding: 0 },
    y: { type: 'band', domain: rows.map((_, i) => i), padding: rows.length > 40 ? 0 : 0.04 },
    color: { scheme: 'viridis', type: 'linear', label: `power of ten of the ${valueLabel}`, legend: true },
    marks: [
      axisY({ label: null, tickSize: 0, tickFormat: (row: number) => shorten(names[row]!, most) }),
      axisX({
        label: 'training step',
        labelArrow: 'none',
        labelAnchor: 'right',
        ticks: steps.filter((_, i) => i % every === 0),
      }),
      cell(
        cells.filter(({ power }) => Number.isFinite(power)),
        { ...at, fill: 'power', ...tip },
      ),
      cell(
        cells.filter(({ value }) => value === 0),
        { ...at, fill: 'var(--zero)', ...tip },
      ),
      cell(
        cells.filter(({ value }) => !Number.isFinite(value)),
        { ...at, fill: 'var(--bad)', ...tip },
      ),
    ],
  });
}
