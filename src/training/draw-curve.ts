const ROWS = 10;
const MOST_COLUMNS = 64;

/** A curve as it is drawn in a terminal. */
export interface Drawing {
  /** Values from left to right, finite. */
  readonly values: readonly number[];
  /** Index of the value to point at, `null` for none. */
  readonly mark: number | null;
  readonly format: (value: number) => string;
  /** Labels of the ends of the horizontal axis and of the mark. */
  readonly labels: readonly [left: string, right: string, mark: string];
}

/** A curve in characters: a value axis, one star a column, and a line below that points at the mark. */
export function drawCurve({ values, mark, format, labels: [left, right, marked] }: Drawing): string {
  const columns = Math.min(values.length, MOST_COLUMNS);
  const columnOf = (index: number): number => Math.floor((index * columns) / values.length);
  const means = Array.from({ length: columns }, (_, column) => {
    const inside = values.filter((_value, index) => columnOf(index) === column);
    return inside.reduce((sum, value) => sum + value, 0) / inside.length;
  });
  const highest = Math.max(...means);
  const lowest = Math.min(...means);
  const rowOf = (value: number): number =>
    highest === lowest ? ROWS - 1 : Math.round(((highest - value) / (highest - lowest)) * (ROWS - 1));
  const width = Math.max(format(highest).length, format(lowest).length);
  const rows = Array.from({ length: ROWS }, (_, row) => {
    const label = row === 0 ? format(highest) : row === ROWS - 1 ? format(lowest) : '';
    return `${label.padStart(width)} |${means.map((mean) => (rowOf(mean) === row ? '*' : ' ')).join('')}`.trimEnd();
  });
  const at = mark === null ? null : columnOf(mark);
  const axis = Array.from({ length: columns }, (_, column) => (column === at ? '^' : '-')).join('');
  const indent = ' '.repeat(width + 2);
  const ends = left + right.padStart(Math.max(columns - left.length, right.length + 1));
  const pointer =
    at === null ? [] : [`${indent}${' '.repeat(Math.max(0, Math.min(at, columns - marked.length)))}${marked}`];
  return [...rows, `${' '.repeat(width)} +${axis}`, indent + ends, ...pointer].join('\n');
}
