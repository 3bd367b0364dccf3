import { IsInt, IsPositive, ValidateBy } from 'class-validator';
import { parseOptions, type OptionsInput } from '../core/parse-options.js';
import { tf } from '../engine/tfjs.js';
import type { AfterUpdate } from './after-update.js';
import { assignWhere } from './assign-where.js';
import { both, dueAt } from './conditions.js';

/** The `lookahead` option of `compile`. */
export class LookaheadOptions {
  /** Updates of the optimizer between two of the slow weights. Default 5. */
  @IsInt()
  @IsPositive()
  every = 5;

  /** Share of the way from the slow weights to the optimizer's that the slow ones go, above 0 and at most 1. Default 0.5. */
  @ValidateBy({
    name: 'isShare',
    validator: {
      validate: (value) => typeof value === 'number' && value > 0 && value <= 1,
      defaultMessage: () => 'rate must be a number above 0 and at most 1',
    },
  })
  rate = 0.5;
}

/**
 * Slow weights that follow the optimizer's: after every so many updates `slow <- slow + rate * (weight - slow)`, and the
 * optimizer goes on from there. The optimizer's slots stay.
 *
 * @throws OptionsError [unknown-option | invalid-option]
 * @see Zhang et al., "Lookahead optimizer: k steps forward, 1 step back" (NeurIPS 2019), https://arxiv.org/abs/1907.08610
 */
export function lookahead(input: OptionsInput<LookaheadOptions>, where: string): AfterUpdate {
  const { every, rate } = parseOptions(LookaheadOptions, input, where);
  return {
    name: 'lookahead',
    copies: ['slow'],
    counters: [],
    apply: ({ weights, iterations, stands }) =>
      void tf.tidy(() => {
        const isDue = both(stands, dueAt(iterations, 0, every));
        for (const { variable, copies } of weights) {
          tf.tidy(() => {
            const slow = copies.slow!.read();
            const moved = tf.add(slow, tf.mul(tf.sub(variable.read(), slow), rate));
            assignWhere(isDue, copies.slow!, moved);
            assignWhere(isDue, variable, moved);
          });
        }
      }),
  };
}
