import type { Batch } from './example.js';

/** Where a dataset's elements come from: a fresh pass for every epoch, whose order depends on the epoch's number only. */
export interface DatasetSource<Element> {
  /** What the source is, for error messages: `Dataset.fromArrays`. */
  readonly name: string;
  /** Number of elements in one pass, or null where only the pass itself will tell. */
  readonly size: number | null;
  /** Whether elements may be read before their turn: there is no code of the user's that might see when. */
  readonly mayReadAhead?: boolean;
  /** Starts a pass; leaving it early calls `return()` on everything below. */
  iterate(epoch: number): AsyncIterable<Element>;
  /** Takes an element back whose arrays nobody will look at again, to use their memory for another. */
  giveBack?(element: Element): void;
  /** A better way to shuffle than through a buffer, where the source has one. */
  shuffle?(seed: number): DatasetSource<Element>;
  /** A better way to take the first elements than counting them off, where the source has one. */
  take?(count: number): DatasetSource<Element>;
  /** A better way to batch than stacking elements one by one, where the source has one. */
  batch?(size: number, dropRemainder: boolean): DatasetSource<Batch>;
}

/** Number of batches that so many elements make. */
export function batchCount(elements: number | null, size: number, dropRemainder: boolean): number | null {
  if (elements === null) return null;
  return dropRemainder ? Math.floor(elements / size) : Math.ceil(elements / size);
}
