import type { Logs } from '../../training/logs.js';
import type { Histogram, ProbeReading } from '../../training/probe-contract.js';
import { layerGradients } from '../layer-gradients.js';

/** What an epoch was. */
export interface EpochEntry {
  readonly epoch: number;
  /** Training steps since `compile`, at the epoch's end. */
  readonly totalSteps: number;
  readonly millisecondsPerStep: number;
  readonly mode: string;
  readonly learningRate: number;
  readonly logs: Logs;
}

/** What is kept of a probed step for the charts. */
export interface ProbeEntry {
  readonly totalSteps: number;
  readonly loss: number;
  readonly learningRate: number;
  /** By layer: the L2 norm of all gradients of its weights. */
  readonly gradientNorms: Readonly<Record<string, number>>;
  /** By layer: the L2 norm of the change of its weights by their own. */
  readonly updateRatios: Readonly<Record<string, number>>;
}

/** What of a histogram's tensor is drawn under which name. */
export type HistogramKind = 'outputs' | 'weights' | 'gradients';

/** Columns of a heat map; more would be narrower than a pixel or two. */
const MOST_COLUMNS = 240;
const FEWEST_COLUMNS = 30;
/** Cells of a heat map: what a browser draws without delay. */
const MOST_CELLS = 12_000;
/** Probes over which a unit has to be dead to be called so. */
const KEPT_READINGS = 5;

/** All that a report shows of a run, in a bounded amount of memory. */
export class RunRecord {
  readonly epochs: EpochEntry[] = [];
  /** The newest readings with their histograms, oldest first. */
  readonly latest: ProbeReading[] = [];
  private readonly kept: ProbeEntry[] = [];
  private newest: ProbeEntry | undefined;
  /** One probe of so many is kept. */
  private stride = 1;
  private seen = 0;

  /** Evenly spaced probes from the first to the newest. */
  get probes(): readonly ProbeEntry[] {
    const { kept, newest } = this;
    return newest === undefined || kept.at(-1) === newest ? kept : [...kept, newest];
  }

  addProbe(reading: ProbeReading, learningRate: number): void {
    const { totalSteps, loss } = reading;
    this.newest = { totalSteps, loss, learningRate, ...byLayer(reading) };
    this.latest.push(reading);
    if (this.latest.length > KEPT_READINGS) this.latest.shift();
    if (this.seen++ % this.stride === 0) this.kept.push(this.newest);
    const rows = Math.max(1, Object.keys(this.newest.gradientNorms).length);
    if (this.kept.length <= Math.min(MOST_COLUMNS, Math.max(FEWEST_COLUMNS, MOST_CELLS / rows))) return;
    this.stride *= 2;
    const every = this.kept.filter((_, i) => i % 2 === 0);
    this.kept.splice(0, this.kept.length, ...every);
  }
}

/** A reading's histograms by path. */
export function histogramsOf(reading: ProbeReading, kind: HistogramKind): [path: string, histogram: Histogram][] {
  const found =
    kind === 'outputs'
      ? Object.entries(reading.layers).map(([path, { outputHistogram }]) => [path, outputHistogram] as const)
      : Object.entries(reading.weights).map(
          ([path, { weightHistogram, gradientHistogram }]) =>
            [path, kind === 'weights' ? weightHistogram : gradientHistogram] as const,
        );
  return found.flatMap(([path, histogram]) => (histogram === undefined ? [] : [[path, histogram]]));
}

function byLayer(reading: ProbeReading): Pick<ProbeEntry, 'gradientNorms' | 'updateRatios'> {
  // Sizes weigh parts of zeros, which are not asked for.
  const layers = layerGradients(reading, new Map());
  return {
    gradientNorms: Object.fromEntries(layers.map(({ layer, gradientNorm }) => [layer, gradientNorm])),
    // A layer of zeros has no ratio, and neither has one that was not updated.
    updateRatios: Object.fromEntries(
      layers.flatMap(({ layer, updateRatio }) => (Number.isNaN(updateRatio) ? [] : [[layer, updateRatio]])),
    ),
  };
}
