/** What can be measured of a trained weight in a step. */
export const WEIGHT_QUANTITIES = [
  'gradientNorm',
  'gradientMax',
  'zeroFraction',
  'nonFinite',
  'weightNorm',
  'updateRatio',
  'cosine',
] as const;

/** What can be measured of a layer's output in a step, and of the gradient by it. */
export const LAYER_QUANTITIES = [
  'mean',
  'standardDeviation',
  'zeroFraction',
  'nonFinite',
  'saturation',
  'unitActivity',
  'cotangentNorm',
] as const;

/** A name among {@link WEIGHT_QUANTITIES}. */
export type WeightQuantity = (typeof WEIGHT_QUANTITIES)[number];

/** A name among {@link LAYER_QUANTITIES}. */
export type LayerQuantity = (typeof LAYER_QUANTITIES)[number];

/** What a callback wants measured, and how often; it is settled when `fit` begins. */
export interface ProbeRequest {
  /** Every how many steps, counted since `compile`; the first step of all is measured. */
  readonly every: number;
  /** Default none. */
  readonly weights?: readonly WeightQuantity[];
  /** Default none. */
  readonly layers?: readonly LayerQuantity[];
  /** Whether gradients, weights and outputs are counted into bins. Default false. */
  readonly histograms?: boolean;
  /** Into how many parts a batch is split to see how far their gradients differ; 0, the default, does not. */
  readonly microBatches?: number;
}

/** What is measured in one step: what all callbacks want whose turn it is. */
export type ProbeSet = Omit<ProbeRequest, 'every'>;

/** How many values lie in each of equal bins between `min` and `max`; non-finite values apart. */
export interface Histogram {
  readonly min: number;
  readonly max: number;
  readonly counts: readonly number[];
}

/** What was measured of one weight; what nobody asked for is left out. */
export interface WeightReading {
  /** L2 norm of the gradient, unscaled, before clipping. */
  readonly gradientNorm?: number;
  /** Largest absolute value of the gradient. */
  readonly gradientMax?: number;
  /** Part of the gradient's elements that are exactly zero, 0 to 1. */
  readonly zeroFraction?: number;
  /** How many elements of the gradient are NaN or infinite. */
  readonly nonFinite?: number;
  /** L2 norm of the weight before the step. */
  readonly weightNorm?: number;
  /** L2 norm of the weight's change by its L2 norm before; NaN for a weight of zeros and in a group's micro-batch. */
  readonly updateRatio?: number;
  /** Cosine of the angle between this gradient and the one of the probed step before; NaN in the first. */
  readonly cosine?: number;
  readonly gradientHistogram?: Histogram;
  readonly weightHistogram?: Histogram;
}

/** What was measured of one layer's output; what nobody asked for, or what the layer does not have, is left out. */
export interface LayerReading {
  readonly mean?: number;
  readonly standardDeviation?: number;
  /** Part of the outputs that are exactly zero, 0 to 1. */
  readonly zeroFraction?: number;
  /** How many outputs are NaN or infinite. */
  readonly nonFinite?: number;
  /** Part of the outputs in the flat part of a sigmoid or tanh activation, 0 to 1. */
  readonly saturation?: number;
  /** For each unit (last axis), the part of the batch for which it is not zero, 0 to 1. */
  readonly unitActivity?: readonly number[];
  /** L2 norm of the gradient of the loss by the output, unscaled; none where the loss is computed from its logits. */
  readonly cotangentNorm?: number;
  readonly outputHistogram?: Histogram;
}

/** Squared norms of the gradients of a batch's parts, and of their mean. */
export interface NoiseReading {
  /** Examples in one part. */
  readonly partSize: number;
  readonly parts: number;
  /** Mean over the parts of the squared L2 norm of the part's gradient. */
  readonly partSquaredNorm: number;
  /** Squared L2 norm of the mean of the parts' gradients. */
  readonly meanSquaredNorm: number;
}

/** What one probed step was measured to be. */
export interface ProbeReading {
  /** Index of the epoch. */
  readonly epoch: number;
  /** Index of the step in its epoch. */
  readonly step: number;
  /** Index of the step since `compile`. */
  readonly totalSteps: number;
  /** The batch's loss. */
  readonly loss: number;
  /** By weight path. */
  readonly weights: Readonly<Record<string, WeightReading>>;
  /** By layer path, in the order of the forward pass. */
  readonly layers: Readonly<Record<string, LayerReading>>;
  /** Paths of trainable weights on which the loss does not depend. */
  readonly withoutGradient: readonly string[];
  readonly noise?: NoiseReading;
}

/** All that several callbacks want of the same step. */
export function mergeRequests(requests: readonly ProbeRequest[]): ProbeSet {
  const wanted = <Q extends string>(all: readonly Q[], of: (request: ProbeRequest) => readonly Q[] | undefined): Q[] =>
    all.filter((quantity) => requests.some((request) => of(request)?.includes(quantity)));
  return {
    weights: wanted(WEIGHT_QUANTITIES, ({ weights }) => weights),
    layers: wanted(LAYER_QUANTITIES, ({ layers }) => layers),
    histograms: requests.some(({ histograms }) => histograms === true),
    microBatches: Math.max(0, ...requests.map(({ microBatches }) => microBatches ?? 0)),
  };
}
