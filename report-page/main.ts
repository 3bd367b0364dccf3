// Runs in the report: draws the charts whose numbers the page carries. Bundled by scripts/bundle-report-page.mjs.
import type { Chart } from '../src/debug/report/chart.js';
import { drawBars } from './bars.js';
import { drawHeatMap } from './heat-map.js';
import { drawLines } from './lines.js';

const SECONDS_BETWEEN_RELOADS = 10;
const PAUSED = '#paused';

const { charts, running } = JSON.parse(document.getElementById('data')!.textContent) as {
  readonly charts: Readonly<Record<string, Chart>>;
  readonly running: boolean;
};

function draw(chart: Chart, width: number): Element {
  if (chart.kind === 'lines') return drawLines(chart, width);
  return chart.kind === 'heat' ? drawHeatMap(chart, width) : drawBars(chart, width);
}

for (const place of document.querySelectorAll<HTMLElement>('[data-chart]')) {
  const chart = charts[place.dataset['chart']!];
  if (chart === undefined) continue;
  let drawn = 0;
  new ResizeObserver(() => {
    const width = Math.floor(place.clientWidth);
    if (width === drawn || width === 0) return;
    drawn = width;
    place.replaceChildren(draw(chart, width));
  }).observe(place);
}

const follow = document.querySelector<HTMLInputElement>('#follow');
if (running && follow !== null) {
  follow.checked = location.hash !== PAUSED;
  follow.addEventListener('change', () => history.replaceState(null, '', follow.checked ? '#' : PAUSED));
  setInterval(() => {
    if (follow.checked) location.reload();
  }, SECONDS_BETWEEN_RELOADS * 1000);
}
