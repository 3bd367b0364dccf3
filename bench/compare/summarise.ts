import type { VariantResult, WorkloadResult } from './compare-workload.js';
import { BFLOAT16_FLOORS, FLOORS, KERAS_DEFAULT_FLOORS } from './floors.js';
import { rounded } from './statistics.js';

type ByPeer = Readonly<Record<string, number>>;

const OWN = 'adjoint';
const OWN_HALF = 'adjoint-bfloat16';

/** A peer's time against Adjoint's and against what it must at least be. */
export interface Verdict {
  readonly workload: string;
  readonly peer: string;
  readonly ratio: number;
  readonly floor: number;
  readonly met: boolean;
}

/** The variant of each peer that counts: the fastest one that was timed in every round. */
export function fastestOf({ variants }: WorkloadResult): Map<string, VariantResult> {
  const fastest = new Map<string, VariantResult>();
  for (const variant of variants) {
    if (variant.extra || variant.step === null || variant.note !== '') continue;
    const known = fastest.get(variant.peer);
    if (known === undefined || variant.step.median < known.step!.median) fastest.set(variant.peer, variant);
  }
  return fastest;
}

/** The column that the others are held against: in the precision suite our bfloat16. */
export function ownName({ variants }: WorkloadResult): string {
  return variants.some(({ peer }) => peer === OWN_HALF) ? OWN_HALF : OWN;
}

/** Median milliseconds a step of each peer's fastest variant. */
export function stepTimes(result: WorkloadResult): ByPeer {
  return Object.fromEntries([...fastestOf(result)].map(([peer, { step }]) => [peer, rounded(step!.median)]));
}

/** How many times as long as Adjoint each peer needs. */
export function ratiosOf(result: WorkloadResult): ByPeer {
  const fastest = fastestOf(result);
  const name = ownName(result);
  const own = fastest.get(name)?.step;
  if (own == null) return {};
  return Object.fromEntries(
    [...fastest]
      .filter(([peer]) => peer !== name)
      .map(([peer, { step }]) => [peer, rounded(step!.median / own.median)]),
  );
}

/** Every ratio that has a floor, with whether it is reached. */
export function verdictsOf(result: WorkloadResult): Verdict[] {
  const workload = result.workload.key;
  const verdict = (peer: string, ratio: number, floor: number): Verdict => {
    return { workload, peer, ratio, floor, met: ratio >= floor };
  };
  const floors = ownName(result) === OWN ? FLOORS : BFLOAT16_FLOORS;
  const found = Object.entries(ratiosOf(result)).map(([peer, ratio]) =>
    verdict(peer, ratio, floors[workload]?.[peer] ?? 1),
  );
  const byDefault = result.variants.find(({ peer, variant }) => peer === 'keras' && variant === 'fit')?.step;
  const own = fastestOf(result).get(OWN)?.step;
  const floor = KERAS_DEFAULT_FLOORS[workload];
  if (byDefault != null && own != null && floor !== undefined) {
    found.push(verdict('keras, default', rounded(byDefault.median / own.median), floor));
  }
  return found;
}
