import { describe, expect, it } from '@jest/globals';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { withVariableReads } from '../../src/engine/variable-reads.js';
import { CallContext } from '../../src/layers/call-context.js';
import { Child } from '../../src/layers/declarations.js';
import { layers } from '../../src/layers/layers.js';
import { MeanSquaredError } from '../../src/losses/mean-squared-error.js';
import { BaseModel } from '../../src/model/base-model.js';
import { sequential } from '../../src/model/sequential.js';
import { checkGradient } from '../helpers/check-gradient.js';
import { useTestEngine } from '../helpers/engine.js';
import { linearData, smallModel, taken, weightsOf } from '../helpers/models.js';

const { x, y } = linearData(5);
/** float32 against float64. */
const FLOAT32_DIGITS = 5;

class Forked extends BaseModel {
  @Child() used = layers.dense({ units: 1 });
  @Child() unused = layers.dense({ units: 1 });
  call(input: Tensor, context: CallContext): Tensor {
    // Called, so that it has weights; its result goes nowhere.
    this.unused.call(input, context);
    return this.used.call(input, context);
  }
}

describe('model.gradients', () => {
  useTestEngine();

  it('equal central differences in float64', async () => {
    const model = sequential([
      layers.dense({ units: 4, activation: 'tanh', kernelRegularizer: 'l2' }),
      layers.batchNormalization(),
      layers.dense({ units: 1 }),
    ]);
    model.compile({ loss: 'meanSquaredError' });
    const gradients = await model.gradients(x, y);
    const weights = [...model.weightTree()].filter(([, { trainable }]) => trainable);
    expect(Object.keys(gradients)).toEqual(weights.map(([path]) => path));

    const loss = (...at: Tensor[]): Tensor => {
      const reads = new Map(weights.map(([, { handle }], i) => [handle.variable, at[i]!]));
      const context = new CallContext({ training: true });
      const value = withVariableReads(reads, () => {
        const output = model.call(tf.tensor2d(x), context);
        const data = new MeanSquaredError().compute(tf.tensor2d(y), output);
        return weights.reduce(
          (sum, [, { handle }]) =>
            handle.regularizer === undefined ? sum : tf.add(sum, handle.regularizer.penalty(handle.value)),
          data,
        );
      });
      context.dispose();
      return value;
    };
    const values = weights.map(([, { handle }]) => handle.variable.read());
    checkGradient(loss, values);
    // The rule just checked is the one that model.gradients runs.
    const reference = tf.tidy(() =>
      tf
        .grads(loss)(values)
        .map((gradient) => Array.from(gradient.dataSync())),
    );
    for (const [i, [path]] of weights.entries()) {
      for (const [j, value] of taken(gradients[path]!).entries()) {
        expect(value).toBeCloseTo(reference[i]![j]!, FLOAT32_DIGITS);
      }
    }
    tf.dispose(values);
    model.dispose();
  });

  it('are null for a weight that the forward pass does not use, which training then leaves alone', async () => {
    const model = new Forked();
    model.compile({ optimizer: 'adam', loss: 'meanSquaredError' });
    const gradients = await model.gradients(x, y);
    expect(gradients['unused/kernel']).toBeNull();
    expect(gradients['unused/bias']).toBeNull();
    expect(gradients['used/kernel']!.shape).toEqual([3, 1]);
    tf.dispose([gradients['used/kernel']!, gradients['used/bias']!]);
    const before = weightsOf(model);
    await model.fit(x, y, { verbose: 0 });
    const after = weightsOf(model);
    expect(after['unused/kernel']).toEqual(before['unused/kernel']);
    expect(after['used/kernel']).not.toEqual(before['used/kernel']);
    model.dispose();
  });

  it('leave out weights that are not trained, and change nothing', async () => {
    const model = smallModel();
    model.compile({ loss: 'meanSquaredError' });
    model.build([null, 3]);
    model.setTrainable('dense', false);
    const before = weightsOf(model);
    const gradients = await model.gradients(x, y);
    expect(Object.keys(gradients)).toEqual(['dense_1/kernel', 'dense_1/bias']);
    expect(weightsOf(model)).toEqual(before);
    const kernel = gradients['dense_1/kernel']!;
    model.dispose();
    expect(taken(kernel).every(Number.isFinite)).toBe(true);
    gradients['dense_1/bias']!.dispose();
  });
});
