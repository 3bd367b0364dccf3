import { IsIn, IsNumber, Min, ValidateBy } from 'class-validator';
import { OptionsError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import type { OptionsInput } from '../core/parse-options.js';
import type { Shape } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { BaseLayer } from './base-layer.js';
import type { CallContext } from './call-context.js';
import { Layer } from './declarations.js';
import { LayerOptions } from './layer-options.js';

/** Options of `layers.stochasticDepth`. */
export class StochasticDepthOptions extends LayerOptions {
  /** How often the branch is dropped in training, at least 0 and below 1. Required. */
  @IsNumber()
  @Min(0)
  @ValidateBy({
    name: 'below1',
    validator: { validate: (rate: number) => rate < 1, defaultMessage: () => 'rate must be below 1' },
  })
  rate!: number;

  /** Whether one draw decides for an `example` or for the whole `batch`, as in the paper. Default `example`. */
  @IsIn(['example', 'batch'])
  per: 'example' | 'batch' = 'example';
}

/**
 * Drops a whole branch of the network at random in training, and lets its expectation pass otherwise.
 *
 * Formula: `y = keep * x` in training, where `keep` is 1 with probability `1 - rate`, else 0, drawn for each example or each
 * batch; `y = (1 - rate) * x` otherwise. A dropped branch is computed all the same; its weights get a gradient of 0 for it.
 *
 * Use it as the last layer of a {@link Residual}'s body, in networks of more than some twenty blocks, with rates that rise
 * with depth: {@link linearDepthRates}.
 *
 * Shapes: `[batch, ...]`, unchanged.
 *
 * @example
 * ```ts
 * import { layers, linearDepthRates, sequential } from 'adjoint';
 *
 * const blocks = linearDepthRates(4, 0.5).map((rate) =>
 *   layers.residual({ body: [layers.dense({ units: 8, activation: 'relu' }), layers.stochasticDepth({ rate })] }),
 * );
 * const model = sequential([...blocks, layers.dense({ units: 1 })]);
 * model.build([null, 8]);
 * model.dispose();
 * ```
 *
 * @see Huang et al., "Deep networks with stochastic depth" (ECCV 2016), https://arxiv.org/abs/1603.09382
 */
@Layer('adjoint/stochastic-depth', StochasticDepthOptions)
export class StochasticDepth extends BaseLayer<StochasticDepthOptions> {
  call(x: Tensor, context?: CallContext): Tensor {
    const { rate, per } = this.options;
    // The input stays its owner's: who disposes the output must not dispose it with it.
    if (rate === 0) return tf.clone(x);
    if (context === undefined || !context.training || !context.dropout) return tf.mul(x, 1 - rate);
    const shape = x.shape.map((length, axis) => (axis === 0 && per === 'example' ? length : 1));
    const keep = tf.greaterEqual(context.uniform(shape, 'branch'), rate);
    return tf.mul(x, tf.cast(keep, 'float32'));
  }

  override computeOutputShape(inputShape: Shape): Shape {
    return inputShape;
  }
}

/**
 * Makes a layer that drops a branch; see {@link StochasticDepth}.
 *
 * @throws OptionsError where an option is unknown or out of its range
 *
 * @example
 * ```ts
 * import { layers } from 'adjoint';
 *
 * console.log(layers.stochasticDepth({ rate: 0.2 }).options.per); // example
 * ```
 */
export function stochasticDepth(options: OptionsInput<StochasticDepthOptions>): StochasticDepth {
  return new StochasticDepth(options);
}

/**
 * Rates for the blocks of a network under the linear decay rule: the first is dropped least, the last with `lastRate`.
 *
 * Formula: `rate_i = i / blocks * lastRate`, for `i` from 1 to `blocks`.
 *
 * @param blocks - how many there are, a whole number of at least 1
 * @param lastRate - at least 0 and below 1; the paper's is 0.5
 * @throws OptionsError [invalid-option]
 *
 * @example
 * ```ts
 * import { linearDepthRates } from 'adjoint';
 *
 * console.log(linearDepthRates(4, 0.5)); // [0.125, 0.25, 0.375, 0.5]
 * ```
 *
 * @see Huang et al., "Deep networks with stochastic depth" (ECCV 2016), section 3, in survival probabilities
 */
export function linearDepthRates(blocks: number, lastRate: number): number[] {
  const refuse = (option: string, expected: string, received: unknown): OptionsError =>
    new OptionsError('invalid-option', {
      where: `option "${option}" of linearDepthRates`,
      expected,
      received: formatValue(received),
    });
  if (!Number.isInteger(blocks) || blocks < 1) throw refuse('blocks', 'a whole number of at least 1', blocks);
  if (!(typeof lastRate === 'number' && lastRate >= 0 && lastRate < 1)) {
    throw refuse('lastRate', 'a number of at least 0 and below 1', lastRate);
  }
  return Array.from({ length: blocks }, (_, i) => ((i + 1) / blocks) * lastRate);
}
