import type { DigitVariant, Stroke } from './digit-strokes.js';

// Taken out of the global object once: inside a vm context, as test runners use, each look-up of a global is slow.
const { ceil, floor, max, min, sqrt } = Math;

/** Width and height of an image in pixels. */
export const IMAGE_SIDE = 28;
/** The longer side of a digit in pixels, before its own scale. */
const DIGIT_SIDE = 20;
const STEPS_PER_SPAN = 6;

/** How one digit is written. */
export interface Handwriting {
  /** A linear map of points around the digit's middle: `[xx, xy, yx, yy]`. */
  readonly linear: readonly [number, number, number, number];
  /** Displacement of a point of stroke `stroke`, in units of the digit's box. */
  readonly displace: (x: number, y: number, stroke: number, place: number) => readonly [number, number];
  /** Pen's radius in pixels at a place along a stroke. */
  readonly radius: (stroke: number, place: number) => number;
  /** Size against the usual one. */
  readonly scale: number;
  /** Offset of the centre of mass from the image's middle, in pixels. */
  readonly offset: readonly [number, number];
}

/** A point of a drawn path, in pixels once placed. */
interface Dab {
  x: number;
  y: number;
  readonly radius: number;
  readonly isStart: boolean;
}

/**
 * Draws a digit as MNIST has them: white on black, fitted into 20 by 20 pixels, the centre of mass in the middle of 28 by 28.
 *
 * @returns ink from 0 to 1 `[28 * 28]`
 */
export function drawDigit(variant: DigitVariant, writing: Handwriting): Float32Array {
  const dabs = variant.flatMap((stroke, i) => trace(stroke, i, writing));
  fit(dabs, writing.scale);
  const first = render(dabs);
  const [x, y] = centreOfMass(first);
  const middle = (IMAGE_SIDE - 1) / 2;
  for (const dab of dabs) {
    dab.x += middle - x + writing.offset[0];
    dab.y += middle - y + writing.offset[1];
  }
  return render(dabs);
}

/** Points along the smooth curve through a stroke's points, moved as the hand does. */
function trace(stroke: Stroke, index: number, { linear, displace, radius }: Handwriting): Dab[] {
  const moved = stroke.map(([x, y], i) => {
    const [dx, dy] = displace(x, y, index, i / (stroke.length - 1));
    const [u, v] = [x + dx - 0.5, y + dy - 0.5];
    return [linear[0] * u + linear[1] * v, linear[2] * u + linear[3] * v] as const;
  });
  const spans = stroke.length - 1;
  const dabs: Dab[] = [];
  for (let i = 0; i < spans; i++) {
    const [from, to] = [moved[i]!, moved[i + 1]!];
    const before = i === 0 || stroke[i]![2] === 1 ? from : moved[i - 1]!;
    const after = i === spans - 1 || stroke[i + 1]![2] === 1 ? to : moved[i + 2]!;
    for (let step = i === 0 ? 0 : 1; step <= STEPS_PER_SPAN; step++) {
      const t = step / STEPS_PER_SPAN;
      dabs.push({
        x: catmullRom(before[0], from[0], to[0], after[0], t),
        y: catmullRom(before[1], from[1], to[1], after[1], t),
        radius: radius(index, (i + t) / spans),
        isStart: dabs.length === 0,
      });
    }
  }
  return dabs;
}

function catmullRom(before: number, from: number, to: number, after: number, t: number): number {
  const out = (to - before) / 2;
  const into = (after - from) / 2;
  const t2 = t * t;
  const t3 = t2 * t;
  return (2 * t3 - 3 * t2 + 1) * from + (t3 - 2 * t2 + t) * out + (3 * t2 - 2 * t3) * to + (t3 - t2) * into;
}

/** Scales and moves the points so that their longer side has the wanted length, in the image's middle. */
function fit(dabs: Dab[], scale: number): void {
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const { x, y } of dabs) {
    left = min(left, x);
    right = max(right, x);
    top = min(top, y);
    bottom = max(bottom, y);
  }
  const factor = ((DIGIT_SIDE - 2) * scale) / max(right - left, bottom - top);
  const middle = (IMAGE_SIDE - 1) / 2;
  for (const dab of dabs) {
    dab.x = (dab.x - (left + right) / 2) * factor + middle;
    dab.y = (dab.y - (top + bottom) / 2) * factor + middle;
  }
}

/** Ink on each pixel: how far the pixel's middle lies inside the pen's path, smoothed over one pixel. */
function render(dabs: readonly Dab[]): Float32Array {
  const ink = new Float32Array(IMAGE_SIDE * IMAGE_SIDE);
  for (let i = 1; i < dabs.length; i++) {
    if (!dabs[i]!.isStart) renderSpan(ink, dabs[i - 1]!, dabs[i]!);
  }
  return ink;
}

function renderSpan(ink: Float32Array, from: Dab, to: Dab): void {
  const reach = max(from.radius, to.radius) + 0.5;
  const left = max(0, ceil(min(from.x, to.x) - reach));
  const right = min(IMAGE_SIDE - 1, floor(max(from.x, to.x) + reach));
  const top = max(0, ceil(min(from.y, to.y) - reach));
  const bottom = min(IMAGE_SIDE - 1, floor(max(from.y, to.y) + reach));
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const squaredLength = dx * dx + dy * dy;
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const along = squaredLength === 0 ? 0 : ((x - from.x) * dx + (y - from.y) * dy) / squaredLength;
      const t = min(1, max(0, along));
      const [u, v] = [x - from.x - t * dx, y - from.y - t * dy];
      const radius = from.radius + t * (to.radius - from.radius);
      const value = min(1, radius + 0.5 - sqrt(u * u + v * v));
      const pixel = y * IMAGE_SIDE + x;
      if (value > ink[pixel]!) ink[pixel] = value;
    }
  }
}

function centreOfMass(ink: Float32Array): [number, number] {
  let [sum, sumX, sumY] = [0, 0, 0];
  for (let pixel = 0; pixel < ink.length; pixel++) {
    const value = ink[pixel]!;
    sum += value;
    sumX += value * (pixel % IMAGE_SIDE);
    sumY += value * floor(pixel / IMAGE_SIDE);
  }
  return [sumX / sum, sumY / sum];
}
