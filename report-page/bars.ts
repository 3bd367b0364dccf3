import { axisX, axisY, barX, gridX, plot } from '@observablehq/plot';
import type { BarChart } from '../src/debug/report/chart.js';
import { shorten } from '../src/debug/report/format.js';
import { formatNumber, roomForNames } from './numbers.js';

const ROW = 22;

/** One bar a row, from parts side by side. */
export function drawBars({ rows, xLabel, title }: BarChart, width: number): Element {
  const names = [...new Set(rows.map(({ name }) => name))];
  const parts = [...new Set(rows.map(({ part }) => part))];
  const { marginLeft, most } = roomForNames(names, width);
  return plot({
    width,
    height: names.length * ROW + 48,
    marginLeft,
    marginTop: 4,
    marginBottom: 40,
    ariaLabel: title,
    style: { background: 'transparent', fontSize: '11px' },
    y: { type: 'band', domain: names, padding: 0.2 },
    color: { domain: parts, range: parts.map((_, i) => `var(--series-${i + 1})`), legend: parts.length > 1 },
    marks: [
      gridX({ strokeOpacity: 0.12 }),
      axisY({ label: null, tickSize: 0, tickFormat: (name: string) => shorten(name, most) }),
      axisX({ label: xLabel, labelArrow: 'none', ticks: Math.max(3, Math.floor(width / 140)) }),
      barX(rows, {
        x: 'value',
        y: 'name',
        fill: 'part',
        tip: { fill: 'var(--card)', stroke: 'var(--line)' },
        title: ({ name, part, value }: BarChart['rows'][number]) => `${name}\n${part} ${formatNumber(value)}`,
      }),
    ],
  });
}
