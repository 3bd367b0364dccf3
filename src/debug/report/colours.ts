/** Stops of the viridis scale, without its ends, which are lost on a dark or a light page. */
const STOPS = [
  [72, 40, 120],
  [62, 74, 137],
  [49, 104, 142],
  [38, 130, 142],
  [31, 158, 137],
  [53, 183, 121],
  [110, 206, 88],
  [181, 222, 43],
] as const;

/** A colour for a part of a scale, 0 to 1. */
export function scaleColour(part: number): string {
  const place = Math.min(1, Math.max(0, part)) * (STOPS.length - 1);
  const low = STOPS[Math.floor(place)]!;
  const high = STOPS[Math.ceil(place)]!;
  const mixed = low.map((channel, i) => Math.round(channel + (high[i]! - channel) * (place % 1)));
  return `rgb(${mixed.join(' ')})`;
}
