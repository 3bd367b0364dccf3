/** Points of one line. */
export interface Series {
  readonly name: string;
  readonly x: readonly number[];
  readonly y: readonly number[];
  /** Drawn as points behind the lines. */
  readonly faint?: boolean;
}

/** Curves over training steps. */
export interface LineChart {
  readonly kind: 'lines';
  readonly title: string;
  readonly yLabel: string;
  readonly series: readonly Series[];
}

/** Powers of ten by layer and step. */
export interface HeatMap {
  readonly kind: 'heat';
  readonly title: string;
  readonly valueLabel: string;
  readonly steps: readonly number[];
  readonly rows: readonly { readonly name: string; readonly values: readonly (number | null)[] }[];
}

/** Parts of a bar by layer. */
export interface BarChart {
  readonly kind: 'bars';
  readonly title: string;
  readonly xLabel: string;
  readonly rows: readonly { readonly name: string; readonly part: string; readonly value: number }[];
}

/** What the page's script draws; also read by whoever reads the page's data. */
export type Chart = LineChart | HeatMap | BarChart;
