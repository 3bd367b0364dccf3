import { IsIn, IsInt, IsOptional, IsPositive, Min } from 'class-validator';
import { OptionsError } from '../core/errors.js';
import { parseOptions, type OptionsInput } from '../core/parse-options.js';
import { tf } from '../engine/tfjs.js';
import type { AfterUpdate } from './after-update.js';
import { assignWhere } from './assign-where.js';
import { both, dueAt, int32 } from './conditions.js';
import { IsDecayRate } from './is-decay-rate.js';

/** The `weightAverage` option of `compile`. */
export class WeightAverageOptions {
  /** `exponential` forgets old weights, as Keras' `use_ema` does; `equal` counts all alike (stochastic weight averaging). Default `exponential`. */
  @IsIn(['exponential', 'equal'])
  kind: 'exponential' | 'equal' = 'exponential';

  /** Share of the old average in the new one, at least 0 and below 1. Default 0.999; `exponential` only. */
  @IsOptional()
  @IsDecayRate()
  decay?: number;

  /** Updates before the averaging starts; until then the average is the weights themselves. Default 0. */
  @IsInt()
  @Min(0)
  startAfter = 0;

  /** Takes the weights in after every so many updates, e.g. an epoch's for `equal`. Default 1. */
  @IsInt()
  @IsPositive()
  every = 1;

  /** Overwrites the weights with their average after every so many updates. Default never. */
  @IsOptional()
  @IsInt()
  @IsPositive()
  overwriteEvery?: number;
}

/** Name of the slot that holds the average. */
export const AVERAGE = { follower: 'weightAverage', slot: 'average' } as const;

const DEFAULT_DECAY = 0.999;

/**
 * Averages the weights: `average <- share * average + (1 - share) * weight` with a share of `decay`, or of `n / (n + 1)` once `n`
 * were taken in; of 0 for the first.
 *
 * @throws OptionsError [unknown-option | invalid-option]
 */
export function weightAverage(input: OptionsInput<WeightAverageOptions>, where: string): AfterUpdate {
  const { kind, decay, startAfter, every, overwriteEvery } = parseOptions(WeightAverageOptions, input, where);
  if (kind === 'equal' && decay !== undefined) {
    throw new OptionsError('invalid-option', {
      where: `option "decay" of ${where}`,
      expected: 'no decay for the kind "equal", which weighs all alike',
      received: String(decay),
      fix: 'leave decay or kind out',
    });
  }
  const isAlwaysDue = startAfter === 0 && every === 1;
  return {
    name: AVERAGE.follower,
    copies: [AVERAGE.slot],
    counters: ['taken'],
    apply: ({ weights, counters, iterations, stands }) =>
      void tf.tidy(() => {
        const taken = counters.taken!.read();
        const isFirst = tf.equal(taken, int32(0));
        const count = tf.cast(taken, 'float32');
        const share =
          kind === 'equal'
            ? tf.div(count, tf.add(count, 1))
            : tf.where(isFirst, tf.scalar(0), tf.scalar(decay ?? DEFAULT_DECAY));
        const isDue = isAlwaysDue ? null : dueAt(iterations, startAfter, every);
        const writes = both(stands, isDue === null ? null : tf.logicalOr(isDue, isFirst));
        const rest = tf.sub(1, share);
        for (const { variable, copies } of weights) {
          tf.tidy(() => {
            const average = copies[AVERAGE.slot]!;
            assignWhere(writes, average, tf.add(tf.mul(share, average.read()), tf.mul(rest, variable.read())));
          });
        }
        assignWhere(both(stands, isDue), counters.taken!, tf.add(taken, int32(1)));
        if (overwriteEvery === undefined) return;
        const overwrites = both(stands, dueAt(iterations, 0, overwriteEvery));
        for (const { variable, copies } of weights) {
          tf.tidy(() => assignWhere(overwrites, variable, copies[AVERAGE.slot]!.read()));
        }
      }),
  };
}
