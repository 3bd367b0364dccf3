import { OptionsError, StateError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { tf } from '../engine/tfjs.js';
import { AVERAGE } from '../optimizers/weight-average.js';
import type { RunQueue } from './run-queue.js';
import type { TrainState } from './train-state.js';
import type { Trainable } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';

/** The average of a model's weights, in the place of the weights for a while or for good. */
export class AveragedWeights {
  private inPlace = false;

  constructor(
    private readonly model: Trainable,
    private readonly plan: TrainingPlan,
    private readonly queue: RunQueue,
    private readonly state: () => TrainState | undefined,
  ) {}

  /** @throws StateError [averaged-weights] where a step would train the average */
  assertOwnWeights(what: string): void {
    if (!this.inPlace) return;
    throw new StateError('averaged-weights', {
      where: `${what} of ${this.model.describe()}`,
      expected: "the model's own weights in place",
      received: `${what} while withAveragedWeights is running`,
      fix: 'await withAveragedWeights first',
    });
  }

  /** Runs `fn` while the averages stand in the weights' place. */
  async during<Result>(fn: () => Result | Promise<Result>): Promise<Result> {
    const what = 'withAveragedWeights';
    if (typeof fn !== 'function') {
      throw new OptionsError('not-a-function', {
        where: `${what} of ${this.model.describe()}`,
        expected: 'a function that uses the averaged weights',
        received: formatValue(fn),
        fix: 'write withAveragedWeights(() => model.evaluate(x, y))',
      });
    }
    this.assertAveraging(what);
    this.assertOwnWeights(what);
    return this.queue.shared(what, async () => {
      // Before the exchange: a training step that is asked for from now on must not run between the two.
      this.inPlace = true;
      try {
        await this.queue.step(async () => this.exchange());
        try {
          return await fn();
        } finally {
          await this.queue.step(async () => this.exchange());
        }
      } finally {
        this.inPlace = false;
      }
    });
  }

  /** Overwrites the weights with their averages. */
  overwrite(): void {
    const what = 'useAveragedWeights';
    this.assertAveraging(what);
    this.assertOwnWeights(what);
    this.queue.assertBetweenSteps(what);
    for (const { variable, copy } of this.averages()) {
      tf.tidy(() => variable.assign(copy.read()));
    }
  }

  private assertAveraging(what: string): void {
    if (this.plan.afterUpdates.some(({ name }) => name === AVERAGE.follower)) return;
    throw new StateError('no-weight-average', {
      where: `${what} of ${this.model.describe()}`,
      expected: 'a model compiled with weightAverage',
      received: 'one that keeps no average',
      fix: 'compile({ weightAverage: { decay: 0.999 } }) and train',
    });
  }

  private averages(): ReturnType<TrainState['copiesOf']> {
    return this.state()?.copiesOf(AVERAGE.follower, AVERAGE.slot) ?? [];
  }

  private exchange(): void {
    for (const { variable, copy } of this.averages()) {
      tf.tidy(() => {
        const [value, average] = [variable.read(), copy.read()];
        variable.assign(average);
        copy.assign(value);
      });
    }
  }
}
