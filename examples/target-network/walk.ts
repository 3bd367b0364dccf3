import { integers, rngKey, uniform } from 'adjoint';

/**
 * A walk over places 1 to 9 that goes to the right three times out of five, and ends at 0, or at 10 with a reward of 1: the
 * value of a place is the chance to end at 10.
 */
export const PLACES = 9;
const RIGHT = 0.6;

/** The gambler's ruin: with r = left / right, `(1 - r^place) / (1 - r^10)`. */
export function trueValue(place: number): number {
  const ratio = (1 - RIGHT) / RIGHT;
  return (1 - ratio ** place) / (1 - ratio ** (PLACES + 1));
}

/**
 * Where the mean squared difference between a place's value and the next one's is least, which is another thing: a line with a
 * wider gap at each end, as an end is only ever stepped to.
 */
export function smoothestValue(place: number): number {
  const [first, last] = [1 / (1 - RIGHT), 1 / RIGHT];
  return (first + place - 1) / (first + PLACES - 1 + last);
}

/** A place as the network is given it: a row with a 1 for it, and none for an end of the walk. */
function row(place: number): number[] {
  return Array.from({ length: PLACES }, (_, i) => (i + 1 === place ? 1 : 0));
}

export const allPlaces: readonly number[] = Array.from({ length: PLACES }, (_, i) => i + 1);
export const allRows: readonly number[][] = allPlaces.map(row);

/** Steps from places drawn evenly: `x` the place; `y` the place after it, the reward, and 1 where the walk goes on. */
export function walkSteps(count: number, seed: number): { x: number[][]; y: number[][] } {
  const key = rngKey(seed, 'walk');
  const places = integers(key.child('place'), count, 1, PLACES + 1);
  const draws = uniform(key.child('direction'), count);
  const next = Array.from(places, (place, i) => (draws[i]! < RIGHT ? place + 1 : place - 1));
  return {
    x: Array.from(places, row),
    y: next.map((place) => [...row(place), place > PLACES ? 1 : 0, place >= 1 && place <= PLACES ? 1 : 0]),
  };
}
