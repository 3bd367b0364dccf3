/** Letters that a part of a name needs, so that it says which name is meant. */
const SHORTEST_PART = 4;

/**
 * The known names closest to a misspelt one, best first, at most three: those that it is a part of (`float16` of
 * `mixed_float16`) or the initials of (`lr` of `learningRate`), then those of the least edit distance; where there is none of
 * these, those that are a part of it (`clip` of `clipnorm`).
 */
export function nearestNames(name: string, known: Iterable<string>): string[] {
  const wanted = name.toLowerCase();
  const ranked = [...known]
    .map((candidate) => {
      const distance = editDistance(wanted, candidate.toLowerCase());
      return { candidate, distance, rank: rankOf(wanted, candidate, distance) };
    })
    .sort((a, b) => a.rank - b.rank || a.distance - b.distance || a.candidate.localeCompare(b.candidate));
  const most = ranked.some(({ rank }) => rank <= 1) ? 1 : 2;
  return ranked
    .filter(({ rank }) => rank <= most)
    .slice(0, 3)
    .map(({ candidate }) => candidate);
}

function rankOf(wanted: string, candidate: string, distance: number): number {
  const whole = candidate.toLowerCase();
  const words = candidate.match(/[A-Z]?[a-z0-9]+|[A-Z]+/g) ?? [];
  const initials = words.map((word) => word[0]!.toLowerCase()).join('');
  const isPart = (part: string, of: string): boolean => part.length >= SHORTEST_PART && of.includes(part);
  if (isPart(wanted, whole) || (wanted.length >= 2 && wanted === initials)) return 0;
  if (distance <= Math.max(2, Math.floor(candidate.length / 3))) return 1;
  return isPart(whole, wanted) ? 2 : 3;
}

/** A `fix` sentence for an unknown name: the nearest known names, or all of them where none is near. */
export function didYouMean(name: string, known: Iterable<string>): string {
  const all = [...known];
  const near = nearestNames(name, all);
  return near.length > 0
    ? `did you mean ${near.map((n) => `"${n}"`).join(' or ')}?`
    : `known names: ${[...all].sort().join(', ')}`;
}

/** The same for one of a few choices, which stand under `expected`: nothing where none is near. */
export function nearestChoice(name: string, choices: readonly string[]): string | undefined {
  return nearestNames(name, choices).length > 0 ? didYouMean(name, choices) : undefined;
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
