/** Letters that a part of a name needs, so that it says which name is meant. */
const SHORTEST_PART = 4;

/**
 * The known names closest to a misspelt one, best first, at most three: those of its letters, where one is a part of the other
 * (`float16`, `mixed_float16`) or the initials of its words (`lr`, `learningRate`), then those of the least edit distance.
 */
export function nearestNames(name: string, known: Iterable<string>): string[] {
  const wanted = name.toLowerCase();
  return [...known]
    .map((candidate) => ({
      candidate,
      distance: editDistance(wanted, candidate.toLowerCase()),
      related: isRelated(wanted, candidate),
    }))
    .filter(({ candidate, distance, related }) => related || distance <= Math.max(2, Math.floor(candidate.length / 3)))
    .sort(
      (a, b) =>
        Number(b.related) - Number(a.related) || a.distance - b.distance || a.candidate.localeCompare(b.candidate),
    )
    .slice(0, 3)
    .map(({ candidate }) => candidate);
}

function isRelated(wanted: string, candidate: string): boolean {
  const [short, long] = [wanted, candidate.toLowerCase()].sort((a, b) => a.length - b.length) as [string, string];
  if (short.length >= SHORTEST_PART && long.includes(short)) return true;
  const words = candidate.match(/[A-Z]?[a-z0-9]+|[A-Z]+/g) ?? [];
  return wanted.length >= 2 && wanted === words.map((word) => word[0]!.toLowerCase()).join('');
}

/** A `fix` sentence for an unknown name: the nearest known names, or all of them where none is near. */
export function didYouMean(name: string, known: Iterable<string>): string {
  const all = [...known];
  const near = nearestNames(name, all);
  return near.length > 0
    ? `did you mean ${near.map((n) => `"${n}"`).join(' or ')}?`
    : `known names: ${[...all].sort().join(', ')}`;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(substitution, previous[j]! + 1, row[j - 1]! + 1));
    }
    previous = row;
  }
  return previous[b.length]!;
}
