import type { Histogram } from '../../training/probe-contract.js';
import { formatNumber } from './format.js';
import { markup, type Markup } from './markup.js';

const WIDTH = 180;
const HEIGHT = 48;

/** Histograms of one tensor in several probes, the newest filled and the earlier ones as outlines behind it. */
export function drawHistograms(histograms: readonly Histogram[], label: string): Markup {
  const [low, high] = [
    Math.min(...histograms.map(({ min }) => min)),
    Math.max(...histograms.map(({ min, max }) => Math.max(min, max))),
  ];
  const outlines = histograms.map((histogram, i) => {
    const isNewest = i === histograms.length - 1;
    return markup`<path class="${isNewest ? 'newest' : 'earlier'}" d="${outline(histogram, low, high)}" />`;
  });
  return markup`<svg
    class="histogram"
    role="img"
    aria-label="${label}: from ${formatNumber(low)} to ${formatNumber(high)}"
    viewBox="0 0 ${WIDTH} ${HEIGHT + 14}"
  >
    <title>${label}</title>
    ${outlines}
    <text x="0" y="${HEIGHT + 12}">${formatNumber(low)}</text>
    <text class="end" x="${WIDTH}" y="${HEIGHT + 12}">${formatNumber(high)}</text>
  </svg>`;
}

/** Each as high as the drawing: what is compared is where the values lie. */
function outline({ min, max, counts }: Histogram, low: number, high: number): string {
  const span = high > low ? high - low : 1;
  const most = Math.max(1, ...counts);
  const at = (value: number): string => ((WIDTH * (value - low)) / span).toFixed(1);
  const step = (max - min) / counts.length;
  const bars = counts.map((count, i) => {
    const y = (HEIGHT - (HEIGHT - 2) * (count / most)).toFixed(1);
    return `V${y}H${max > min ? at(min + (i + 1) * step) : Math.min(WIDTH, Number(at(min)) + 2).toFixed(1)}`;
  });
  return `M${at(min)} ${HEIGHT}${bars.join('')}V${HEIGHT}Z`;
}
