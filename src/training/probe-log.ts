import type { ProbeReading } from './probe-contract.js';

/** What is kept at most: readings, and numbers in all of them. Of very large models fewer than `fewest` would show nothing. */
const MOST = { readings: 4000, numbers: 4_000_000, fewest: 200 };
/** An entry of a weight or layer has about so many numbers. */
const NUMBERS_OF_ENTRY = 8;
/** The first readings all stay, for whoever compares with the beginning. */
const FIRST = 32;

/**
 * The readings of a run in a bounded amount of memory: all of the first and of the newest, and evenly spaced ones between.
 * Histograms are left out: those of many steps would fill the memory.
 */
export class ProbeLog {
  /** Oldest first. */
  readonly all: ProbeReading[] = [];
  private places: number[] = [];
  private seen = 0;
  /** Between the first and the newest, one of so many is kept. */
  private stride = 1;

  add(reading: ProbeReading): void {
    this.all.push(withoutHistograms(reading));
    this.places.push(this.seen++);
    const most = Math.max(MOST.fewest, Math.min(MOST.readings, MOST.numbers / numbersIn(reading)));
    if (this.all.length <= most) return;
    this.thin(most);
    while (this.all.length > 0.75 * most) {
      this.stride *= 2;
      this.thin(most);
    }
  }

  private thin(most: number): void {
    const newest = this.seen - most / 4;
    const isKept = this.places.map((place) => place < FIRST || place >= newest || place % this.stride === 0);
    const kept = this.all.filter((_, i) => isKept[i]);
    this.places = this.places.filter((_, i) => isKept[i]);
    // In place: the list is in somebody's hands.
    this.all.splice(0, this.all.length, ...kept);
  }
}

function numbersIn({ weights, layers }: ProbeReading): number {
  const entries = Object.values(layers);
  const units = entries.reduce((sum, { unitActivity = [] }) => sum + unitActivity.length, 0);
  return units + NUMBERS_OF_ENTRY * (entries.length + Object.keys(weights).length + 1);
}

/** The reading without what takes most of its room; itself where it has none. */
export function withoutHistograms(reading: ProbeReading): ProbeReading {
  const isHistogram = (name: string): boolean => name.endsWith('Histogram');
  const entries = [...Object.values(reading.weights), ...Object.values(reading.layers)];
  if (!entries.some((entry) => Object.keys(entry).some(isHistogram))) return reading;
  const slim = <T extends object>(all: Readonly<Record<string, T>>): Record<string, T> =>
    Object.fromEntries(
      Object.entries(all).map(([path, values]) => [
        path,
        Object.fromEntries(Object.entries(values).filter(([name]) => !isHistogram(name))) as T,
      ]),
    );
  return { ...reading, weights: slim(reading.weights), layers: slim(reading.layers) };
}
