/** Runs a function in what surrounded a computation when this was made. */
type Surroundings = <T>(fn: () => T) => T;

const captures: (() => Surroundings)[] = [];

/** Names something that a computation finds around it, and has to find again when it is run a second time. */
export function registerSurroundings(capture: () => Surroundings): void {
  captures.push(capture);
}

/** All that surrounds the running code, to be put around a later run of it. */
export function captureSurroundings(): Surroundings {
  const inner = captures.map((capture) => capture());
  return <T>(fn: () => T) => inner.reduce<() => T>((run, surround) => () => surround(run), fn)();
}

/** State as it was at one moment. */
export interface Mark {
  /** What was added to the loss since. */
  added(): readonly unknown[];
  /** Puts the state back to this moment; what it returns puts everything forward again. */
  rewind(): () => void;
}

/** State that a computation changes on its way, and that a second run of it has to find as it was. */
export interface Replayable {
  mark(): Mark;
}

/** Marks of what a computation changed, in the order of the first changes. */
export type Journal = Map<Replayable, Mark>;

const open: Journal[] = [];

/** To be called before each change. */
export function aboutToChange(state: Replayable): void {
  for (const journal of open) if (!journal.has(state)) journal.set(state, state.mark());
}

/** Runs a computation and notes what it changes. */
export function journaled<T>(fn: () => T): { readonly result: T; readonly journal: Journal } {
  const journal: Journal = new Map();
  open.push(journal);
  try {
    return { result: fn(), journal };
  } finally {
    open.splice(open.indexOf(journal), 1);
  }
}

/** Runs a computation once more on the state that it found before, and leaves the state as it is now. */
export function replayed<T>(journal: Journal, fn: () => T): T {
  const forward = [...journal.values()].map((mark) => mark.rewind());
  try {
    return fn();
  } finally {
    for (const restore of forward.reverse()) restore();
  }
}

/** What a computation added to losses. */
export function addedTo(journal: Journal): readonly unknown[] {
  return [...journal.values()].flatMap((mark) => mark.added());
}
