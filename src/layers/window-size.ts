import { ShapeError } from '../core/errors.js';
import { formatShape, type Shape } from '../core/shape.js';
import type { Padding } from './option-validators.js';

/** A window that slides over height and width. */
export interface Window2D {
  /** What slides, as errors call it: `kernel`, `pool`. */
  readonly what: string;
  readonly size: readonly [height: number, width: number];
  readonly strides: readonly [height: number, width: number];
  readonly dilation: readonly [height: number, width: number];
  readonly padding: Padding;
}

const AXES = ['height', 'width'] as const;

/** Height and width that a window gives; `null` stays open. */
export function windowOutput(shape: Shape, window: Window2D): (number | null)[] {
  return AXES.map((_, i) => {
    const length = shape[i + 1] ?? null;
    if (length === null) return null;
    const covered = window.padding === 'same' ? length : length - reach(window, i) + 1;
    return Math.ceil(covered / window.strides[i]!);
  });
}

/** Refuses an image that is smaller than the window where the padding is `valid`. */
export function expectRoomForWindow(layer: { describe(): string }, shape: Shape, window: Window2D): void {
  if (window.padding === 'same') return;
  for (const [i, axis] of AXES.entries()) {
    const length = shape[i + 1] ?? null;
    if (length === null || length >= reach(window, i)) continue;
    throw new ShapeError('window-too-large', {
      where: layer.describe(),
      expected: `a ${axis} of at least ${reach(window, i)}, the reach of the ${window.what}`,
      received: `${axis} ${length}  ${formatShape(shape)}`,
      fix: `use padding: 'same', a smaller ${window.what}, or a larger input`,
    });
  }
}

function reach(window: Window2D, axis: number): number {
  return (window.size[axis]! - 1) * window.dilation[axis]! + 1;
}
