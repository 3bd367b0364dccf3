import { readHistogram } from './histogram.js';
import type { LayerReading, NoiseReading, ProbeReading, WeightReading } from './probe-contract.js';

/** What a few numbers of a probe's vector are. */
export interface ProbePart {
  readonly kind: 'weight' | 'layer' | 'noise';
  readonly path: string;
  readonly name: string;
  readonly size: number;
}

/** How the vector of a probed step is read. */
export interface ProbeLayout {
  readonly parts: readonly ProbePart[];
  readonly withoutGradient: readonly string[];
  /** Into how many parts the batch was split, and examples in each; 0 where it was not. */
  readonly noiseParts: number;
  readonly partSize: number;
}

/** The numbers of one path: a list for each time that they were measured, as in a layer that is called twice. */
type Raw = Map<string, number[][]>;

/** Makes sense of the vector of a probed step. */
export function readProbes(
  { parts, withoutGradient, noiseParts, partSize }: ProbeLayout,
  vector: ArrayLike<number>,
  at: Pick<ProbeReading, 'epoch' | 'step' | 'totalSteps' | 'loss'>,
): ProbeReading {
  const found = { weight: new Map<string, Raw>(), layer: new Map<string, Raw>(), noise: new Map<string, Raw>() };
  let next = 0;
  for (const { kind, path, name, size } of parts) {
    const values = Array.from({ length: size }, (_, i) => vector[next + i]!);
    next += size;
    const raw = found[kind].get(path) ?? new Map<string, number[][]>();
    found[kind].set(path, raw);
    raw.set(name, [...(raw.get(name) ?? []), values]);
  }
  const noise = found.noise.get('');
  return {
    ...at,
    weights: Object.fromEntries([...found.weight].map(([path, raw]) => [path, weightReading(raw)])),
    layers: Object.fromEntries([...found.layer].map(([path, raw]) => [path, layerReading(raw)])),
    withoutGradient,
    ...(noise && { noise: noiseReading(noise, noiseParts, partSize) }),
  };
}

function weightReading(raw: Raw): WeightReading {
  const { gradientNorm, weightNorm, ...rest } = Object.fromEntries(
    [...raw].map(([name, times]) => [name, times.at(-1)!] as const),
  );
  const [norm, size] = [gradientNorm![0]!, weightNorm![0]!];
  const { gradientMax, zeroFraction, nonFinite, updateNorm, previousNorm, previousProduct } = rest;
  const { gradientHistogram, weightHistogram } = rest;
  return {
    gradientNorm: norm,
    weightNorm: size,
    ...(gradientMax && { gradientMax: gradientMax[0]! }),
    ...(zeroFraction && { zeroFraction: zeroFraction[0]! }),
    ...(nonFinite && { nonFinite: nonFinite[0]! }),
    ...(updateNorm && { updateRatio: size === 0 ? NaN : updateNorm[0]! / size }),
    ...(previousNorm && { cosine: cosine(previousProduct![0]!, norm, previousNorm[0]!) }),
    ...(gradientHistogram && { gradientHistogram: readHistogram(gradientHistogram) }),
    ...(weightHistogram && { weightHistogram: readHistogram(weightHistogram) }),
  };
}

function cosine(product: number, norm: number, previousNorm: number): number {
  const size = norm * previousNorm;
  return size === 0 ? NaN : Math.max(-1, Math.min(1, product / size));
}

function layerReading(raw: Raw): LayerReading {
  const mean = (name: string): number | undefined => {
    const times = raw.get(name);
    return times && times.reduce((sum, [value]) => sum + value!, 0) / times.length;
  };
  const sum = (name: string): number | undefined => raw.get(name)?.reduce((total, [value]) => total + value!, 0);
  const reading = {
    mean: mean('mean'),
    standardDeviation: root(mean('variance')),
    zeroFraction: mean('zeroFraction'),
    nonFinite: sum('nonFinite'),
    saturation: mean('saturation'),
    unitActivity: unitActivity(raw.get('unitActivity')),
    cotangentNorm: together(raw.get('cotangentNorm')),
    outputHistogram: raw.get('outputHistogram')?.map(readHistogram).at(-1),
  };
  return Object.fromEntries(Object.entries(reading).filter(([, value]) => value !== undefined));
}

/** The norm of several calls' gradients as one. */
function together(times: readonly number[][] | undefined): number | undefined {
  return times && Math.hypot(...times.map(([norm]) => norm!));
}

function root(square: number | undefined): number | undefined {
  return square === undefined ? undefined : Math.sqrt(square);
}

/** A unit that was active in any of the layer's calls is. */
function unitActivity(times: readonly number[][] | undefined): number[] | undefined {
  if (times === undefined) return undefined;
  const [first = []] = times;
  // A layer that is called with widths that differ has no units of its own.
  return first.map((_, unit) => Math.max(...times.map((values) => values[unit] ?? 0)));
}

function noiseReading(raw: Raw, parts: number, partSize: number): NoiseReading {
  const [partSquaredNorm, meanSquaredNorm] = ['partSquaredNorm', 'meanSquaredNorm'].map(
    (name) => raw.get(name)![0]![0]!,
  );
  return { parts, partSize, partSquaredNorm: partSquaredNorm!, meanSquaredNorm: meanSquaredNorm! };
}
