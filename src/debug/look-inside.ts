import { sizeOf } from '../core/shape.js';
import type { Batch } from '../data/example.js';
import { asFloat32 } from '../engine/precision/float-type.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { BaseLayer, type LayerInput } from '../layers/base-layer.js';
import { CallContext } from '../layers/call-context.js';
import type { LayerOptions } from '../layers/layer-options.js';
import { disposeBatch, toDeviceBatch } from '../training/device-batch.js';
import { forwardBackward } from '../training/forward-backward.js';
import { batchLoss } from '../training/batch-loss.js';
import { withPrecision } from '../engine/precision/mixed-precision.js';
import { LossScale } from '../training/loss-scale.js';
import type { Trainable } from '../training/trainable.js';
import type { TrainingPlan } from '../training/training-plan.js';

const NONE: Look['gradients'] = new Map();

type AnyLayer = BaseLayer<LayerOptions, LayerInput>;

/** A tensor's numbers on the host. */
export interface Values {
  readonly values: Float32Array;
  readonly shape: readonly number[];
}

/** One call of a layer. */
export interface LayerLook {
  readonly path: string;
  readonly layer: AnyLayer;
  /** Of a layer that takes several, the first. */
  readonly input: Values;
  readonly output: Values;
  /** How many layer calls were running around it. */
  readonly depth: number;
}

/** What one pass over a batch was. */
export interface Look {
  /** In the order in which their calls ended: a layer stands before the one that contains it. */
  readonly layers: readonly LayerLook[];
  readonly output: Values;
  readonly loss: number;
  /** By weight path; `null` where there is none. Empty where no gradient was asked for. */
  readonly gradients: ReadonlyMap<string, Values | null>;
}

/** How to look. */
export interface LookOptions {
  /** Default true. */
  readonly training?: boolean;
  /** Whether layers' inputs and outputs are kept. Default true. */
  readonly layers?: boolean;
  /** Whether gradients are computed. Default true. */
  readonly gradients?: boolean;
  /** What draws are keyed by. Default 0. */
  readonly step?: number;
  /** Multiplies the loss before it is differentiated. Default 1. */
  readonly lossScale?: number;
}

/** Runs a batch through the model and its loss, op by op, and copies what it sees to the host; changes no state. */
export function lookInside(model: Trainable, plan: TrainingPlan, hostBatch: Batch, options: LookOptions = {}): Look {
  const { layers: watched = true, training = true, gradients = true, step = 0, lossScale = 1 } = options;
  const batch = toDeviceBatch(hostBatch);
  const scale = lossScale === 1 ? null : new LossScale({ initial: lossScale, dynamic: null });
  try {
    return watchingLayers(watched ? model : null, (layers) =>
      tidied(() => {
        const context = new CallContext({ training, seed: plan.seed, step: tf.scalar(step, 'int32') });
        try {
          if (!gradients) {
            const trained = [...model.weightTree()].flatMap(([, weight]) => (weight.trainable ? [weight] : []));
            const { loss, output } = withPrecision(plan.precision, plan.isFloat32, () =>
              batchLoss(model, plan, batch, context, trained),
            );
            return { layers, output: valuesOf(output), loss: valuesOf(loss).values[0]!, gradients: NONE };
          }
          const { loss, predictions, weights } = forwardBackward(model, plan, batch, context, scale);
          return {
            layers,
            output: valuesOf(predictions),
            loss: valuesOf(loss).values[0]!,
            gradients: new Map(weights.map(({ path, gradient }) => [path, gradient && valuesOf(gradient)])),
          };
        } finally {
          context.dispose();
        }
      }),
    );
  } finally {
    scale?.dispose();
    disposeBatch(batch);
  }
}

/** Frees all tensors that `fn` makes; what it returns holds none. */
export function tidied<T>(fn: () => T): T {
  let result: T | undefined;
  tf.tidy(() => {
    result = fn();
  });
  return result as T;
}

/** Runs `fn` while each layer's calls are noted; without a model, none. */
export function watchingLayers<T>(model: Trainable | null, fn: (layers: readonly LayerLook[]) => T): T {
  const looks: LayerLook[] = [];
  const undo: (() => void)[] = [];
  let depth = 0;
  for (const layer of model === null ? [] : allLayers(model)) {
    const original = Object.getOwnPropertyDescriptor(layer, 'call');
    if (original === undefined) continue;
    const call = original.value as AnyLayer['call'];
    const watched: AnyLayer['call'] = (inputs, context) => {
      depth++;
      let output: Tensor;
      try {
        output = call(inputs, context);
      } finally {
        depth--;
      }
      const first = (Array.isArray(inputs) ? (inputs as readonly Tensor[])[0] : inputs) as Tensor;
      looks.push({ path: layer.path, layer, input: valuesOf(first), output: valuesOf(output), depth });
      return output;
    };
    Object.defineProperty(layer, 'call', { ...original, value: watched });
    undo.push(() => Object.defineProperty(layer, 'call', original));
  }
  try {
    return fn(looks);
  } finally {
    for (const restore of undo) restore();
  }
}

/** The model's layers below it, each once. */
function allLayers(model: Trainable): AnyLayer[] {
  const found = new Set<AnyLayer>();
  const walk = (layer: AnyLayer): void => {
    for (const [, child] of layer.children()) {
      if (found.has(child)) continue;
      found.add(child);
      walk(child);
    }
  };
  if (model instanceof BaseLayer) walk(model as unknown as AnyLayer);
  return [...found];
}

/** A copy on the host; of a tensor in half precision, in single. */
export function valuesOf(tensor: Tensor): Values {
  // What tidy returns is searched for tensors, number by number.
  const values = tidied(() => Float32Array.from(asFloat32(tensor).dataSync()));
  return { values, shape: [...tensor.shape] };
}

/** Root of the mean square. */
export function rms(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! * values[i]!;
  return values.length === 0 ? 0 : Math.sqrt(sum / values.length);
}

/** L2 norm. */
export function norm(values: ArrayLike<number>): number {
  return rms(values) * Math.sqrt(values.length);
}

/** Part of the values for which `test` holds, 0 to 1. */
export function share(values: ArrayLike<number>, test: (value: number) => boolean): number {
  let count = 0;
  for (let i = 0; i < values.length; i++) if (test(values[i]!)) count++;
  return values.length === 0 ? 0 : count / values.length;
}

/** The values of one row after another. */
export function rows({ values, shape }: Values): Float32Array[] {
  const width = sizeOf(shape.slice(1));
  return Array.from({ length: shape[0] ?? 0 }, (_, i) => values.subarray(i * width, (i + 1) * width));
}

/** Whether two tensors' numbers are the same, to the bit or both NaN. */
export function same(a: Values, b: Values): boolean {
  return a.values.length === b.values.length && a.values.every((value, i) => Object.is(value, b.values[i]));
}
