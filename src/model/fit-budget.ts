import { OptionsError } from '../core/errors.js';
import type { Segment } from './checkpoint-policy.js';

/** What one layer of a chain holds and takes. */
export interface UnitCost {
  /** Bytes of its input, 0 for the model's: what is kept where a segment that is computed again starts. */
  readonly inputBytes: number;
  /** Whether its gradient, or that of the layer before, uses its input. */
  readonly keepsInput: boolean;
  /** Bytes that it keeps for its gradient besides input and output. */
  readonly innerBytes: number;
  /** Operations of its forward pass. */
  readonly operations: number;
}

/** How finely memory is told apart: the budget holds so many units. Roundings go up, so that the budget is kept. */
const RESOLUTION = 256;
/** How many sizes of the largest segment are tried. */
const MOST_SIZES = 24;

/**
 * The cheapest segments of a chain that fit a budget of activations.
 *
 * Memory: what layers that are not computed again keep, plus the inputs of segments that are, plus all that the largest of
 * these keeps while it is computed again. Cost: the forward operations that are done twice.
 *
 * For each bound on the largest segment, the best way to each layer and memory is found from the ways to layers before.
 *
 * @throws OptionsError [invalid-option] where nothing fits
 */
export function fitBudget(units: readonly UnitCost[], budget: number, where: string): Segment[] {
  const sums = [0];
  const costs = [0];
  for (const unit of units) {
    sums.push(sums.at(-1)! + keptBy(unit));
    costs.push(costs.at(-1)! + unit.operations);
  }
  const inside = (from: number, to: number): number => sums[to]! - sums[from]! - inputKeptBy(units[from]!);
  const unit = budget / RESOLUTION;
  let best: { readonly cost: number; readonly segments: Segment[] } | undefined;
  for (const largest of [0, ...sizesOf(units.length, inside)]) {
    if (largest > budget) break;
    const room = Math.floor((budget - largest) / unit + 1e-9);
    const found = cheapest(
      units,
      room,
      (bytes) => Math.ceil(bytes / unit - 1e-9),
      largest,
      inside,
      (from, to) => costs[to]! - costs[from]!,
    );
    if (found !== undefined && (best === undefined || found.cost < best.cost)) best = found;
  }
  if (best !== undefined) return best.segments;
  throw new OptionsError('invalid-option', {
    where,
    expected: 'a budget of activations that some choice of segments fits',
    received: `${(budget / 1e6).toFixed(1)} MB, where the least is about ${(leastBytes(units) / 1e6).toFixed(1)} MB`,
    fix: 'allow more, make batches smaller, or divide blocks into smaller layers',
  });
}

function inputKeptBy({ keepsInput, inputBytes }: UnitCost): number {
  return keepsInput ? inputBytes : 0;
}

function keptBy(unit: UnitCost): number {
  return unit.innerBytes + inputKeptBy(unit);
}

/** The least memory that segments of the chain can be brought to: for messages. */
function leastBytes(units: readonly UnitCost[]): number {
  let least = Infinity;
  for (let size = 1; size <= units.length; size++) {
    let held = 0;
    let largest = 0;
    for (let from = 0; from < units.length; from += size) {
      held += units[from]!.inputBytes;
      largest = Math.max(
        largest,
        units.slice(from, from + size).reduce((sum, unit) => sum + keptBy(unit), 0) - inputKeptBy(units[from]!),
      );
    }
    least = Math.min(least, held + largest);
  }
  return least;
}

function sizesOf(count: number, inside: (from: number, to: number) => number): number[] {
  const sizes = new Set<number>();
  for (let from = 0; from < count; from++) for (let to = from + 1; to <= count; to++) sizes.add(inside(from, to));
  const sorted = [...sizes].sort((a, b) => a - b);
  if (sorted.length <= MOST_SIZES) return sorted;
  return Array.from(
    { length: MOST_SIZES },
    (_, i) => sorted[Math.round((i * (sorted.length - 1)) / (MOST_SIZES - 1))]!,
  );
}

interface Way {
  readonly cost: number;
  readonly from: number;
  readonly room: number;
  readonly again: boolean;
}

/** The best way through the chain that holds at most `room`, of segments up to `largest`. */
function cheapest(
  units: readonly UnitCost[],
  room: number,
  toUnits: (bytes: number) => number,
  largest: number,
  inside: (from: number, to: number) => number,
  operations: (from: number, to: number) => number,
): { readonly cost: number; readonly segments: Segment[] } | undefined {
  const count = units.length;
  const ways: (Way | undefined)[][] = Array.from({ length: count + 1 }, () => new Array<Way | undefined>(room + 1));
  ways[0]![0] = { cost: 0, from: -1, room: 0, again: false };
  for (let from = 0; from < count; from++) {
    for (let held = 0; held <= room; held++) {
      const way = ways[from]![held];
      if (way === undefined) continue;
      const reach = (to: number, bytes: number, cost: number, again: boolean): void => {
        const next = held + toUnits(bytes);
        if (next > room) return;
        const known = ways[to]![next];
        if (known === undefined || way.cost + cost < known.cost)
          ways[to]![next] = { cost: way.cost + cost, from, room: held, again };
      };
      reach(from + 1, keptBy(units[from]!), 0, false);
      for (let to = from + 1; to <= count && inside(from, to) <= largest; to++) {
        reach(to, units[from]!.inputBytes, operations(from, to), true);
      }
    }
  }
  const ends = ways[count]!.filter((way) => way !== undefined);
  if (ends.length === 0) return undefined;
  const end = ends.reduce((a, b) => (b.cost < a.cost ? b : a));
  const segments: Segment[] = [];
  for (let to = count, way = end; to > 0; way = ways[way.from]![way.room]!) {
    segments.unshift({ from: way.from, to, again: way.again });
    to = way.from;
  }
  return { cost: end.cost, segments };
}
