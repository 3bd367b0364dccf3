import { digits, type Labelled } from './data.js';
import type { Draw } from './draw.js';

/** Drawn digits as images of one channel. */
export function images(draw: Draw, rows: number): Labelled {
  const { x, y } = digits(draw, rows);
  return { x: { ...x, shape: [rows, 28, 28, 1] }, y };
}
