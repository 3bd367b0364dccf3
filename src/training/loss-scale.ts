import { tf, type Tensor } from '../engine/tfjs.js';
import type { Variable } from '../engine/variable.js';
import { createVariables } from '../optimizers/create-variables.js';
import type { LossScaleSettings } from './loss-scale-settings.js';

/** The scale grows to this at most, where float32 itself has room left for a gradient. */
const MOST = 2 ** 24;

/**
 * What a loss is multiplied with before it is differentiated, so that small gradients do not vanish in float16; in
 * variables, like all state of a step.
 *
 * Dynamic: after `growthInterval` steps with finite gradients the scale grows by `growthFactor`; a step with others is
 * left out, and the scale shrinks by `backoff`, to 1 at least.
 *
 * @see Micikevicius et al., "Mixed precision training" (2018), section 3.2, https://arxiv.org/abs/1710.03740
 */
export class LossScale {
  private readonly scale: Variable;
  /** Steps with finite gradients since the scale last changed. */
  private readonly goodSteps: Variable;

  constructor(private readonly settings: LossScaleSettings) {
    const wanted = [
      { name: 'loss-scale', shape: [], value: settings.initial },
      { name: 'loss-scale/good-steps', shape: [], value: 0, dtype: 'int32' as const },
    ];
    [this.scale, this.goodSteps] = createVariables(wanted, 'lossScale') as [Variable, Variable];
  }

  /** Whether steps with gradients that are not finite have to be left out. */
  get isDynamic(): boolean {
    return this.settings.dynamic !== null;
  }

  /** The scale as it is now, a scalar that the caller owns. */
  read(): Tensor {
    return this.scale.read();
  }

  /** What a step logs of it: nothing where it stays as it is. */
  logs(): Record<string, Tensor> {
    return this.isDynamic ? { lossScale: this.read() } : {};
  }

  /** The same for the host, as it is now. */
  hostLogs(): Record<string, number> {
    return Object.fromEntries(
      Object.entries(this.logs()).map(([name, value]) => {
        const number = value.dataSync()[0]!;
        value.dispose();
        return [name, number];
      }),
    );
  }

  /** Moves on by a step. */
  update(finite: Tensor): void {
    const { dynamic } = this.settings;
    if (dynamic === null) return;
    tf.tidy(() => {
      const scale = this.scale.read();
      const good = tf.add(this.goodSteps.read(), tf.scalar(1, 'int32'));
      const grows = tf.greaterEqual(good, tf.scalar(dynamic.growthInterval, 'int32'));
      const grown = tf.minimum(tf.mul(scale, dynamic.growthFactor), MOST);
      const shrunk = tf.maximum(tf.mul(scale, dynamic.backoff), 1);
      this.scale.assign(tf.where(finite, tf.where(grows, grown, scale), shrunk));
      const none = tf.scalar(0, 'int32');
      this.goodSteps.assign(tf.where(finite, tf.where(grows, none, good), none));
    });
  }

  /** Every variable under a name that a file can keep. */
  entries(): [name: string, variable: Variable][] {
    return [
      ['loss-scale/scale', this.scale],
      ['loss-scale/good-steps', this.goodSteps],
    ];
  }

  dispose(): void {
    this.scale.dispose();
    this.goodSteps.dispose();
  }
}
