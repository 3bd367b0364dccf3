import { medianOf } from '../compare/statistics.js';

/** Median milliseconds of one call, after calls to warm up, over about `seconds`. */
export async function millisecondsOf(run: () => unknown, seconds = 2, warmUps = 3): Promise<number> {
  for (let i = 0; i < warmUps; i++) await run();
  const times: number[] = [];
  const end = performance.now() + 1000 * seconds;
  while (times.length < 3 || performance.now() < end) {
    const start = performance.now();
    await run();
    times.push(performance.now() - start);
  }
  return medianOf(times);
}

/** The largest resident memory of this process so far. */
export function peakMegabytes(): number {
  return process.resourceUsage().maxRSS / 1024;
}
