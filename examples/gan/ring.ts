import { normal, rngKey, uniform } from 'adjoint';

/** Number of Gaussians around the circle of radius 1. */
export const MODES = 8;
/** Standard deviation of each. */
const SPREAD = 0.05;
/** How far from a mode's centre a point may lie and still belong to it; of real points, 1 in 90 lies further off. */
const REACH = 3 * SPREAD;

function centre(mode: number): [x: number, y: number] {
  const angle = (2 * Math.PI * mode) / MODES;
  return [Math.cos(angle), Math.sin(angle)];
}

/** Points of the ring, `[count][2]`. */
export function ringPoints(count: number, seed: number): number[][] {
  const key = rngKey(seed, 'ring');
  const modes = uniform(key.child('mode'), count);
  const offsets = normal(key.child('offset'), 2 * count);
  return Array.from({ length: count }, (_, i) => {
    const [x, y] = centre(Math.floor(modes[i]! * MODES));
    return [x + SPREAD * offsets[2 * i]!, y + SPREAD * offsets[2 * i + 1]!];
  });
}

/** How well points fit the ring. */
export interface RingFit {
  /** Share of the points that lie near a mode. */
  readonly nearMode: number;
  /** Modes that have at least a quarter of the points that an even spread would give them. */
  readonly modesCovered: number;
}

export function fitOf(points: readonly (readonly number[])[]): RingFit {
  const counts = Array.from({ length: MODES }, () => 0);
  for (const [x, y] of points) {
    const mode = counts.findIndex((_, i) => Math.hypot(x! - centre(i)[0], y! - centre(i)[1]) < REACH);
    if (mode >= 0) counts[mode]!++;
  }
  const fair = points.length / MODES;
  return {
    nearMode: counts.reduce((sum, count) => sum + count, 0) / points.length,
    modesCovered: counts.filter((count) => count >= fair / 4).length,
  };
}
