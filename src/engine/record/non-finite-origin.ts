import { FINITE_PART } from '../../core/path-scope.js';
import { flagsAt, isBad, slotsOf, sourcesOf, type FlaggedRun, type Place } from './node-values.js';
import type { GraphNode } from './recorded-graph.js';

/** Where non-finite values come from. */
export interface Origin {
  /** Position of the first node in the order of execution that makes them out of finite values, or holds them. */
  readonly position: number;
  readonly node: GraphNode;
  /** What the node takes. */
  readonly sources: readonly Place[];
  /** Which of its values are not finite. */
  readonly bad: readonly Place[];
  /** How many nodes after it make non-finite values that reach the outcome and do not come from it. */
  readonly others: number;
}

/** Ops that hold values and compute none. */
const HOLDERS: ReadonlySet<string> = new Set(['Const', 'Placeholder', 'VarHandleOp']);

/**
 * Follows what a gated step found not to be finite back to where it was made. Non-finite values that do not reach the
 * outcome, such as the branch that `where` does not take, are passed over, and so are infinities that the code means: a
 * mask of minus infinity is no fault until it makes NaN.
 *
 * @returns `null` where all that the step looks at is finite
 */
export function findOrigin(run: FlaggedRun): Origin | null {
  const sources = sourcesOf(run.nodes);
  const bad = (place: Place): boolean => isBad(flagsAt(run, place));
  const meant = meantInfinities(run, sources);
  const isMeant = ({ position, slot }: Place): boolean => meant[position]![slot] === true;
  const pending = run.nodes.flatMap((node, position) =>
    node.op === 'IsFinite' && node.part === FINITE_PART ? sources[position]!.filter(bad) : [],
  );
  const seen = new Set<number>();
  const origins = new Set<number>();
  for (let place = pending.pop(); place !== undefined; place = pending.pop()) {
    const { position } = place;
    if (seen.has(position)) continue;
    seen.add(position);
    const given = sources[position]!.filter((source) => bad(source) && (isMeant(place!) || !isMeant(source)));
    if (given.length === 0) origins.add(position);
    pending.push(...given);
  }
  if (origins.size === 0) return null;
  const position = Math.min(...origins);
  const node = run.nodes[position]!;
  return {
    position,
    node,
    sources: sources[position]!,
    bad: slotsOf(node).flatMap((_, slot) => (bad({ position, slot }) ? [{ position, slot }] : [])),
    others: origins.size - 1,
  };
}

/** Whether a node only holds values. */
export function holdsValues({ op }: GraphNode): boolean {
  return HOLDERS.has(op);
}

/** Values that are infinite because a constant is. */
function meantInfinities(run: FlaggedRun, sources: readonly (readonly Place[])[]): boolean[][] {
  const meant: boolean[][] = [];
  for (const [position, node] of run.nodes.entries()) {
    const bad = sources[position]!.filter((source) => isBad(flagsAt(run, source)));
    const comesFromMeant = bad.length > 0 && bad.every((source) => meant[source.position]![source.slot] === true);
    meant.push(
      slotsOf(node).map((_, slot) => {
        const { nan, infinite } = flagsAt(run, { position, slot });
        return infinite && !nan && (node.op === 'Const' || comesFromMeant);
      }),
    );
  }
  return meant;
}
