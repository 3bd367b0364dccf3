import { IsIn, IsInt, IsNumber, IsOptional, Max, Min, ValidateBy } from 'class-validator';
import { parseOptions, type OptionsInput } from '../core/parse-options.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { normOf } from './gradient-norm.js';
import { requireStep, type GradientTransform } from './gradient-transform.js';
import { mapTensors } from './map-tensors.js';

/** Options of {@link spikeProtection}. */
export class SpikeProtectionOptions {
  /** How many times its running median the norm of all gradients may be; at least 1. Default 4. */
  @IsNumber()
  @Min(1)
  factor = 4;

  /** How many of the last norms the median is taken over, from 3 to 4096. Default 64. */
  @IsInt()
  @Min(3)
  @Max(4096)
  window = 64;

  /**
   * Norms that have to be in before anything is a spike, at most the window. Default 16, or the window where that is less.
   */
  @IsOptional()
  @IsInt()
  @Min(1)
  @ValidateBy({
    name: 'withinWindow',
    validator: {
      validate: (value: number, given) => value <= (given!.object as SpikeProtectionOptions).window,
      defaultMessage: () => 'warmUp must be at most the window',
    },
  })
  warmUp?: number;

  /** What becomes of a spike: the update is left out (`skip`), or its gradients are scaled down to the limit (`clip`). Default `skip`. */
  @IsIn(['skip', 'clip'])
  action: 'skip' | 'clip' = 'skip';
}

/**
 * Leaves out, or scales down, an update whose gradients are far larger than those of the last steps.
 *
 * Formula: with `limit = factor * median(the last norms of all gradients together)`, a norm above `limit` is a spike. `skip`
 * treats its step as one that is not finite: weights, slots, counters and statistics stay, to the bit. `clip` scales all
 * gradients by `limit / norm`. Others keep their bits.
 *
 * Every finite norm goes into the window, those of spikes too: one outlier does not move a median, and where gradients stay
 * large for half a window, the median follows and training goes on. While fewer than `warmUp` norms are in, or the median is 0,
 * nothing is a spike. A norm that is not finite is skipped under `skip`, and makes all gradients NaN under `clip`.
 *
 * Logs `skippedUpdates` or `clippedUpdates`: the share of spikes among the epoch's steps.
 *
 * When to use: long runs in which a rare bad batch throws the weights far off. It stands before clipping, which would hide
 * the spike.
 *
 * @throws OptionsError [unknown-option | invalid-option]; StateError [no-step] outside of training
 *
 * @example
 * ```ts
 * import { layers, sequential } from 'adjoint';
 *
 * const model = sequential([layers.dense({ units: 1 })]);
 * model.compile({ loss: 'meanSquaredError', spikeProtection: { factor: 5, window: 32 } });
 * const { history } = await model.fit([[1], [2]], [[2], [4]], { epochs: 2, verbose: 0 });
 * console.log(history.skippedUpdates); // [0, 0]
 * model.dispose();
 * ```
 *
 * @see Chowdhery et al., "PaLM: scaling language modeling with pathways" (2022), section 5.1, on batches that are skipped,
 * https://arxiv.org/abs/2204.02311
 */
export function spikeProtection(options: OptionsInput<SpikeProtectionOptions> = {}): GradientTransform {
  const name = 'spikeProtection';
  const parsed = parseOptions(SpikeProtectionOptions, options, name);
  const { factor, window, action, warmUp = Math.min(16, window) } = parsed;
  const log = action === 'skip' ? 'skippedUpdates' : 'clippedUpdates';
  return {
    name,
    logs: [log],
    variables: () => ({
      norms: { shape: [window], value: 0, keptOnSkip: true },
      count: { value: 0, dtype: 'int32', keptOnSkip: true },
    }),
    transform: (gradients, _, given) => {
      const step = requireStep(name, given);
      if (gradients.size === 0) return gradients;
      const norms = step.variables.norms!;
      const count = step.variables.count!;
      const norm = normOf([...gradients.values()]);
      const finite = tf.isFinite(norm);
      const [kept, seen] = [norms.read(), count.read()];
      const median = medianOf(kept, tf.minimum(seen, window));
      const limit = tf.mul(median, factor);
      const armed = tf.logicalAnd(tf.greaterEqual(seen, tf.scalar(warmUp, 'int32')), tf.greater(median, 0));
      const within = tf.logicalOr(tf.lessEqual(norm, limit), tf.logicalAnd(finite, tf.logicalNot(armed)));
      const place = tf.equal(tf.range(0, window, 1, 'int32'), tf.mod(seen, tf.scalar(window, 'int32')));
      norms.assign(tf.where(tf.logicalAnd(place, finite), norm, kept));
      count.assignAdd(tf.cast(finite, 'int32'));
      step.log(log, tf.sub(1, tf.cast(within, 'float32')));
      if (action === 'skip') {
        step.skipUnless(within);
        return gradients;
      }
      // The difference is 0, and NaN for a norm that is not finite: nobody takes a step from it unseen.
      const scale = tf.add(tf.where(within, tf.scalar(1), tf.div(limit, norm)), tf.sub(norm, norm));
      return mapTensors(gradients, (gradient) => tf.mul(gradient, scale));
    },
  };
}

/** The median of the first `count` elements, a scalar; of the middle two, their mean. */
function medianOf(values: Tensor, count: Tensor): Tensor {
  return tf.tidy(() => {
    const [size] = values.shape as [number];
    const isIn = tf.less(tf.range(0, size, 1, 'int32'), count);
    const falling = tf.topk(tf.where(isIn, tf.neg(values), tf.fill([size], -Infinity)), size).values;
    const last = tf.maximum(tf.sub(count, tf.scalar(1, 'int32')), tf.scalar(0, 'int32'));
    const two = tf.scalar(2, 'int32');
    const places = tf.stack([tf.floorDiv(last, two), tf.floorDiv(tf.add(last, tf.scalar(1, 'int32')), two)]);
    return tf.mean(tf.neg(tf.gather(falling, tf.cast(places, 'int32'))));
  });
}
