import type { Logs } from '../../training/logs.js';
import type { Return } from '../weight-history.js';
import { meanOf, type Evidence } from '../evidence.js';

/** Losses before a return by which what it gave up is judged. */
const BEFORE = 5;
/** Part of the returns that come to something better, of a run that means them. */
const MEANT = 0.8;
/** Of the loss, in the mean of them. */
const LEAST_GAIN = 0.1;
/** Metrics that are the better the larger they are. */
const LARGER_IS_BETTER = /accuracy|auc|precision|recall|f1|score|r2|iou|cosine/i;

/** Whether weights that were set back were better than those that they took the place of: by what was logged, or by the loss. */
export function goesBackToTheBest(evidence: Evidence): boolean {
  const { returns } = evidence.history;
  const votes = returns.flatMap((one) => isBetterByLogs(evidence, one) ?? []);
  if (votes.length >= returns.length / 2) return votes.filter(Boolean).length >= MEANT * votes.length;
  // Losses of single batches differ by chance: of all returns together.
  const gains = returns.map((one, i) => gainOf(evidence, one, returns[i - 1]?.step ?? 0));
  return !(meanOf(gains) < LEAST_GAIN);
}

/** `undefined` where no epoch has ended with either. */
function isBetterByLogs(evidence: Evidence, { to, step }: Return): boolean | undefined {
  const [then, now] = [logsBefore(evidence, to), logsBefore(evidence, step)];
  if (then === undefined || now === undefined) return undefined;
  return Object.entries(then).some(([name, value]) => {
    const other = now[name] ?? NaN;
    return LARGER_IS_BETTER.test(name) ? value > other : /(^|_)loss$/.test(name) && value < other;
  });
}

/** How far losses of steps that began with these weights lie below those before the return, as a part of them. */
function gainOf({ losses, history }: Evidence, { to, step }: Return, previous: number): number {
  const began = [to, ...history.returns.filter((one) => one.to === to).map((one) => one.step)];
  const reached = began.map((start) => losses[start] ?? NaN).filter(Number.isFinite);
  const given = losses.slice(Math.max(previous, step - BEFORE), step);
  // A state in which nothing is finite is well left.
  if (given.length > 0 && !given.every(Number.isFinite)) return 1;
  const gain = (meanOf(given) - meanOf(reached)) / Math.abs(meanOf(given));
  return Number.isFinite(gain) ? gain : 0;
}

/** Logs of the epoch that ended right before a step. */
function logsBefore({ epochs, epochStarts }: Evidence, step: number): Logs | undefined {
  const epoch = epochStarts.indexOf(step);
  return epoch < 1 ? undefined : epochs[epoch - 1];
}
