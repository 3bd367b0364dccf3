import type { MissingGradient } from '../training/explain-missing-gradient.js';
import type { ProbeReading } from '../training/probe-contract.js';
import type { Finding, SeenFinding } from './finding.js';
import { globalNorm, layerGradients, type LayerGradient } from './layer-gradients.js';
import { formatNumber, median, trend } from './statistics.js';

/** What can be wrong with gradients. */
export type GradientFindingKind = 'vanishing' | 'exploding' | 'spike' | 'zero-gradients' | 'no-gradient';

/** What {@link GradientMonitor} found. */
export interface GradientFinding extends Finding<GradientFindingKind> {
  /** Where the weight is cut off from the loss, where that is why it has no gradient. */
  readonly cause?: MissingGradient;
}

/** When gradients count as wrong: the options of the monitor. */
export interface GradientLimits {
  readonly vanishingRatio: number;
  readonly explodingNorm: number;
  readonly spikeFactor: number;
  readonly confirmations: number;
}

/** Fewer layers have no depth along which gradients could shrink. */
const LAYERS = 4;
/** Gradients shrink or grow along the depth where the norms' rank correlation with it is beyond this. */
const CORRELATION = 0.5;
/** Norms before a reading with which it is compared. */
const EARLIER = { least: 5, most: 20 };

type SeenGradient = SeenFinding<GradientFinding>;

/** What the latest of some readings shows; each of its numbers is a median over those that confirm it. */
export function judgeGradients(
  readings: readonly ProbeReading[],
  sizes: ReadonlyMap<string, number>,
  limits: GradientLimits,
  scaled: boolean,
): SeenGradient[] {
  // Under loss scaling overflows are a part of the search for a scale, and their steps are left out.
  if (scaled)
    return judgeFinite(
      readings.filter((reading) => Number.isFinite(globalNorm(reading))),
      sizes,
      limits,
    );
  const bad = notFinite(readings.at(-1)!, sizes);
  return bad.length > 0 ? bad : judgeFinite(readings, sizes, limits);
}

function judgeFinite(
  readings: readonly ProbeReading[],
  sizes: ReadonlyMap<string, number>,
  limits: GradientLimits,
): SeenGradient[] {
  const recent = readings.slice(-limits.confirmations);
  const seen: SeenGradient[] = [];
  if (recent.length === 0) return seen;
  seen.push(...spike(readings, limits.spikeFactor));
  if (recent.length < limits.confirmations) return seen;
  const layers = recent.map((reading) => layerGradients(reading, sizes));
  return [...seen, ...alongDepth(layers, limits.vanishingRatio), ...large(recent, limits.explodingNorm)];
}

/** Paths of the weights whose gradient was zero in all of these readings though the loss was not. */
export function zeroGradients(readings: readonly ProbeReading[], confirmations: number): string[] {
  const recent = readings.slice(-confirmations);
  if (recent.length < confirmations || recent.some(({ loss }) => loss === 0)) return [];
  return Object.keys(recent[0]!.weights).filter((path) =>
    recent.every(({ weights }) => weights[path]?.gradientNorm === 0),
  );
}

function notFinite(reading: ProbeReading, sizes: ReadonlyMap<string, number>): SeenGradient[] {
  const bad = layerGradients(reading, sizes).filter(({ nonFinite }) => nonFinite > 0);
  if (bad.length === 0) return [];
  const count = bad.reduce((sum, { nonFinite }) => sum + nonFinite, 0);
  const { layer } = bad.at(-1)!;
  return [
    {
      kind: 'exploding',
      where: layer,
      evidence: { nonFinite: count, layers: bad.length, loss: reading.loss },
      message: `${count} elements of the gradients of ${bad.length} layers are NaN or infinite, up to ${named(layer)}: NonFiniteGuard finds the first`,
    },
  ];
}

function spike(readings: readonly ProbeReading[], factor: number): SeenGradient[] {
  const norms = readings.slice(-1 - EARLIER.most).map(globalNorm);
  const norm = norms.pop()!;
  const usual = median(norms);
  // A loss that has come down leaves small gradients; one hard batch among easy ones is as it was at the beginning.
  const atStart = Math.max(...readings.slice(0, EARLIER.least).map(globalNorm));
  if (norms.length < EARLIER.least || !(norm > factor * usual) || !(norm > atStart)) return [];
  return [
    {
      kind: 'spike',
      where: '',
      evidence: { gradientNorm: norm, median: usual, factor: norm / usual },
      message: `the gradient norm jumped to ${formatNumber(norm)}, ${formatNumber(norm / usual)} times its running median`,
    },
  ];
}

function alongDepth(readings: readonly (readonly LayerGradient[])[], vanishingRatio: number): SeenGradient[] {
  const norms = (readings[0] ?? [])
    .map(({ layer }) => ({
      layer,
      norm: median(readings.map((layers) => layers.find((other) => other.layer === layer)?.gradientNorm ?? NaN)),
    }))
    // A layer with none at all is dead or cut off, which is another finding.
    .filter(({ norm }) => norm > 0 && Number.isFinite(norm));
  if (norms.length < LAYERS) return [];
  const third = Math.floor(norms.length / 3);
  const part = (layers: typeof norms): number => median(layers.map(({ norm }) => norm));
  const [early, late] = [part(norms.slice(0, third)), part(norms.slice(-third))];
  const ratio = early / late;
  const correlation = trend(norms.map(({ norm }) => norm));
  const evidence = { ratio, early, late, layers: norms.length };
  const [first, last] = [norms[0]!.layer, norms.at(-1)!.layer];
  if (ratio < vanishingRatio && correlation > CORRELATION) {
    const message =
      `gradients vanish on the way to the input: from ${named(last)} back to ${named(first)} their norm falls from ` +
      `${formatNumber(norms.at(-1)!.norm)} to ${formatNumber(norms[0]!.norm)} (early/late ratio ${formatNumber(ratio)})`;
    return [{ kind: 'vanishing', where: first, evidence, message }];
  }
  if (ratio > 1 / vanishingRatio && correlation < -CORRELATION) {
    const message =
      `gradients explode on the way to the input: from ${named(last)} back to ${named(first)} their norm grows from ` +
      `${formatNumber(norms.at(-1)!.norm)} to ${formatNumber(norms[0]!.norm)} (early/late ratio ${formatNumber(ratio)})`;
    return [{ kind: 'exploding', where: first, evidence, message }];
  }
  return [];
}

function large(recent: readonly ProbeReading[], explodingNorm: number): SeenGradient[] {
  const norm = median(recent.map(globalNorm));
  if (!(norm > explodingNorm)) return [];
  const weights = Object.values(recent.at(-1)!.weights);
  const weightNorm = Math.hypot(...weights.map((weight) => weight.weightNorm ?? 0));
  return [
    {
      kind: 'exploding',
      where: '',
      evidence: { gradientNorm: norm, weightNorm },
      message:
        `gradients explode: the norm of all of them is ${formatNumber(norm)}, that of the weights ` +
        `${formatNumber(weightNorm)}; lower the learning rate, clip: { globalNorm: 1 }, or normalise inputs and labels`,
    },
  ];
}

function named(layer: string): string {
  return layer === '' ? 'the model' : `"${layer}"`;
}
