import { axisX, axisY, dot, gridY, line, plot, pointerX, ruleX, tip } from '@observablehq/plot';
import type { LineChart } from '../src/debug/report/chart.js';
import { formatNumber, toNumber } from './numbers.js';

/** Ranges wider than this are drawn by powers. */
const WIDE_RANGE = 50;

interface Point {
  readonly series: string;
  readonly faint: boolean;
  readonly x: number;
  readonly y: number;
}

/** Curves with a reading of them under the pointer. */
export function drawLines({ series, yLabel, title }: LineChart, width: number): Element {
  const points = series.flatMap(({ name, x, y, faint = false }): Point[] =>
    x.map((at, i) => ({ series: name, faint, x: at, y: toNumber(y[i]!) })),
  );
  const finite = points.filter(({ y }) => Number.isFinite(y));
  const values = finite.map(({ y }) => y);
  const isWide = values.length > 1 && Math.min(...values) > 0 && Math.max(...values) > WIDE_RANGE * Math.min(...values);
  const powers = isWide ? powersOfTen(Math.min(...values), Math.max(...values)) : [];
  // Ticks between two powers are lines without a number.
  const ticks = powers.length > 1 ? powers : 5;
  const lines = finite.filter(({ faint }) => !faint);
  const lost = points.filter(({ y }) => !Number.isFinite(y));
  const names = series.map(({ name }) => name);
  return plot({
    width,
    height: 260,
    marginLeft: 58,
    marginTop: 26,
    marginBottom: 40,
    ariaLabel: title,
    style: { background: 'transparent', fontSize: '12px' },
    x: { nice: false, insetLeft: 4, insetRight: 8 },
    y: { type: isWide ? 'log' : 'linear', nice: true, zero: false },
    color: {
      domain: names,
      range: names.map((name) => COLOURS[name] ?? 'var(--series-1)'),
      legend: names.length > 1,
    },
    marks: [
      gridY({ strokeOpacity: 0.12, ticks }),
      axisY({
        label: isWide ? `${yLabel}, by powers` : yLabel,
        labelArrow: 'none',
        ticks,
        tickFormat: formatNumber,
      }),
      axisX({
        label: 'training step',
        labelOffset: 33,
        labelArrow: 'none',
        ticks: Math.max(3, Math.floor(width / 110)),
      }),
      // Where a number is NaN or infinite there is no height to draw it at.
      ruleX(lost, { x: 'x', stroke: 'var(--bad)', strokeOpacity: 0.6, strokeWidth: 2 }),
      dot(
        finite.filter(({ faint }) => faint),
        { x: 'x', y: 'y', fill: 'series', r: 2.2, fillOpacity: 0.8 },
      ),
      line(lines, { x: 'x', y: 'y', stroke: 'series', strokeWidth: 2, strokeLinejoin: 'round' }),
      dot(lines, { x: 'x', y: 'y', fill: 'series', r: lines.length > 60 ? 0 : 2.6 }),
      tip(
        finite,
        pointerX({
          x: 'x',
          y: 'y',
          fill: 'var(--card)',
          stroke: 'var(--line)',
          title: ({ series: name, x, y }: Point) => `${name}\nstep ${x}\n${formatNumber(y)}`,
        }),
      ),
    ],
  });
}

function powersOfTen(least: number, most: number): number[] {
  const [first, last] = [Math.ceil(Math.log10(least)), Math.floor(Math.log10(most))];
  const every = Math.max(1, Math.ceil((last - first) / 6));
  return Array.from(
    { length: Math.max(0, Math.floor((last - first) / every) + 1) },
    (_, i) => 10 ** (first + i * every),
  );
}

const COLOURS: Readonly<Record<string, string>> = {
  training: 'var(--series-1)',
  validation: 'var(--series-2)',
  'single batches': 'var(--series-3)',
};
