import { describe, expect, it } from '@jest/globals';
import { TerminateOnNaN } from '../../src/callbacks/terminate-on-nan.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { layers } from '../../src/layers/layers.js';
import type { BaseModel } from '../../src/model/base-model.js';
import { sequential } from '../../src/model/sequential.js';
import { Adam } from '../../src/optimizers/adam.js';
import { SGD } from '../../src/optimizers/sgd.js';
import { allState } from '../helpers/all-state.js';
import { useTestEngine } from '../helpers/engine.js';
import { MODES, rowsOf, weightsOf } from '../helpers/models.js';

const ROWS = 12;
const BAD = 8;
const x = rowsOf(ROWS, 3);
const labels = Array.from({ length: ROWS }, (_, i) => [i === BAD ? 1 : 0, i / ROWS]);

/** Squared error; what is added where the first label is 1 is bad in one way or the other. */
function poisoned(poison: (marked: Tensor, predictions: Tensor) => Tensor) {
  return (targets: Tensor, predictions: Tensor): Tensor => {
    const [marked, target] = tf.split(targets, 2, 1) as [Tensor, Tensor];
    const error = tf.mean(tf.square(tf.sub(target, predictions)), -1);
    return tf.add(error, tf.reshape(poison(marked, predictions), [-1]));
  };
}

/** 0 / 0 in the loss of marked examples. */
const nanLoss = poisoned((marked) => tf.sub(tf.div(marked, tf.sub(tf.onesLike(marked), marked)), marked));
/** The root of zero: its value is finite and its slope is not. */
const nanGradient = poisoned((marked, predictions) => {
  const safe = tf.add(tf.square(predictions), tf.onesLike(predictions));
  return tf.sqrt(tf.mul(tf.sub(tf.onesLike(marked), marked), safe));
});

function convoy(): BaseModel {
  return sequential([
    layers.dense({ units: 4 }),
    layers.batchNormalization(),
    layers.dropout({ rate: 0.2 }),
    layers.dense({ units: 1 }),
  ]);
}

describe.each(MODES)('TerminateOnNaN, %s', (execution) => {
  useTestEngine();

  it.each([
    ['a NaN loss', nanLoss],
    ['a NaN gradient with a finite loss', nanGradient],
  ])('keeps all state to the bit at %s, the step counter apart', async (_, loss) => {
    const model = convoy();
    model.compile({ optimizer: new Adam({ learningRate: 0.01 }), loss, metrics: [meanError], execution });
    const options = { batchSize: 4, shuffle: false, verbose: 0 } as const;
    // Two good batches, of which the state is noted; then the bad third.
    let state: Record<string, string> = {};
    class Watch extends TerminateOnNaN {
      readonly losses: number[] = [];
      override onBatchBegin(): void {
        state = allState();
      }
      override onBatchEnd(batch: number, logs: { loss?: number }): void {
        this.losses.push(logs.loss!);
        super.onBatchEnd(batch, logs as { loss: number });
      }
    }
    const watch = new Watch();
    const history = await model.fit(x, labels, { ...options, epochs: 3, callbacks: [watch] });
    expect(watch.losses.map(Number.isFinite)).toEqual([true, true, false]);
    expect(history.stopReason).toMatch(/not finite/);
    const { 'random-step': stepBefore, ...before } = state;
    const { 'random-step': stepAfter, ...after } = allState();
    expect(Object.keys(after).filter((name) => after[name] !== before[name])).toEqual([]);
    expect(Object.keys(before).length).toBeGreaterThan(20);
    expect(stepBefore).toBe('02000000');
    expect(stepAfter).toBe('03000000');
    // The epoch's means are those of the two good batches.
    expect(Number.isFinite(history.history['loss']![0])).toBe(true);
    expect(Number.isFinite(history.history['meanError']![0])).toBe(true);
    model.dispose();
  });

  it('keeps the weights of a step whose gradient is finite and whose update is not', async () => {
    const model = sequential([layers.dense({ units: 1 })]);
    model.compile({ optimizer: new SGD({ learningRate: 1e38 }), loss: 'meanSquaredError', execution });
    model.build([null, 3]);
    const before = weightsOf(model);
    const y = x.map(() => [1000]);
    const history = await model.fit(x, y, { verbose: 0, callbacks: [new TerminateOnNaN()] });
    expect(history.stopReason).toMatch(/not finite/);
    expect(weightsOf(model)).toEqual(before);
    model.dispose();
  });

  it('changes no good step: the same weights with and without', async () => {
    const trained = async (callbacks: TerminateOnNaN[]): Promise<Record<string, number[]>> => {
      const model = convoy();
      model.compile({ optimizer: 'adam', loss: 'meanSquaredError', execution });
      await model.fit(
        x,
        x.map(([a]) => [a!]),
        { epochs: 2, batchSize: 4, verbose: 0, callbacks },
      );
      const weights = weightsOf(model);
      model.dispose();
      return weights;
    };
    expect(await trained([new TerminateOnNaN()])).toEqual(await trained([]));
  });
});

function meanError(targets: Tensor, predictions: Tensor): Tensor {
  return tf.abs(tf.sub(tf.slice(targets, [0, 1], [-1, 1]), predictions));
}
