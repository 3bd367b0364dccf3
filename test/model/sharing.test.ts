import { describe, expect, it } from '@jest/globals';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import type { CallContext } from '../../src/layers/call-context.js';
import { Child } from '../../src/layers/declarations.js';
import type { Dense } from '../../src/layers/dense.js';
import { layers } from '../../src/layers/layers.js';
import { BaseModel } from '../../src/model/base-model.js';
import { sequential } from '../../src/model/sequential.js';
import { SGD } from '../../src/optimizers/sgd.js';
import { useTestEngine } from '../helpers/engine.js';
import { MODES, rowsOf, taken, thrownBy, weightsOf } from '../helpers/models.js';

const x = rowsOf(6, 2);
const y = rowsOf(6, 2, 5);
/** A float32 sum of two gradients, and one gradient of the doubled use. */
const DIGITS = 5;

/** f(g(x)) with both of the same shape. */
class Twice extends BaseModel {
  @Child() first: Dense;
  @Child() second: Dense;
  constructor(first: Dense, second: Dense) {
    super();
    this.first = first;
    this.second = second;
  }
  call(input: Tensor, context: CallContext): Tensor {
    return this.second.call(this.first.call(input, context), context);
  }
}

describe.each(MODES)('a layer that is shared, %s', (execution) => {
  useTestEngine();
  const square = () => layers.dense({ units: 2, useBias: false, activation: 'tanh' });

  it('twice in a model is one weight whose gradient is the sum', async () => {
    const shared = square();
    const [one, two] = [new Twice(shared, shared), new Twice(square(), square())];
    for (const model of [one, two]) {
      model.compile({ optimizer: new SGD({ learningRate: 0.1 }), loss: 'meanSquaredError', execution });
      model.build([null, 2]);
    }
    expect(one.weightTree().paths()).toEqual(['first/kernel']);
    expect(one.countParams()).toBe(4);
    const kernel = one.getWeights();
    two.setWeights([kernel[0]!, kernel[0]!]);
    const [shares, separate] = [await one.gradients(x, y), await two.gradients(x, y)];
    const sum = tf.tidy(() => taken(tf.add(separate['first/kernel']!, separate['second/kernel']!)));
    const gradient = taken(shares['first/kernel']!);
    for (const [i, value] of gradient.entries()) expect(value).toBeCloseTo(sum[i]!, DIGITS);

    await one.fit(x, y, { batchSize: 6, shuffle: false, verbose: 0 });
    const before = taken(kernel[0]!);
    const after = weightsOf(one)['first/kernel']!;
    for (const [i, value] of after.entries()) expect(value).toBeCloseTo(before[i]! - 0.1 * gradient[i]!, DIGITS);
    tf.dispose(Object.values(separate) as Tensor[]);
    one.dispose();
    two.dispose();
  });

  it('twice in a chain, named or not', async () => {
    for (const name of [undefined, 'loop']) {
      const shared = layers.dense({ units: 2, name });
      const model = sequential([shared, layers.activation({ activation: 'relu' }), shared]);
      model.compile({ loss: 'meanSquaredError', execution });
      await model.fit(x, y, { verbose: 0 });
      expect(model.weightTree().paths()).toEqual([`${name ?? 'dense'}/kernel`, `${name ?? 'dense'}/bias`]);
      expect(model.layers).toHaveLength(2);
      model.dispose();
    }
  });

  it('between two models is trained by both, and belongs to the first', async () => {
    const shared = square();
    const [a, b] = [
      sequential([shared], { name: 'a' }),
      sequential([shared, layers.dense({ units: 2 })], { name: 'b' }),
    ];
    for (const model of [a, b]) {
      model.compile({ optimizer: 'adam', loss: 'meanSquaredError', execution });
      model.build([null, 2]);
    }
    const seen = [weightsOf(a)['dense/kernel']];
    for (const model of [a, b, a]) {
      await model.fit(x, y, { verbose: 0 });
      expect(weightsOf(a)['dense/kernel']).toEqual(weightsOf(b)['dense/kernel']);
      seen.push(weightsOf(a)['dense/kernel']);
    }
    expect(new Set(seen.map((kernel) => JSON.stringify(kernel))).size).toBe(4);
    b.dispose();
    await a.fit(x, y, { verbose: 0 });
    a.dispose();
    expect(thrownBy(() => tf.tidy(() => shared.call(tf.zeros([1, 2])))).message).toMatch(
      /StateError \[disposed\] layer "dense" \(Dense\) of model "a"/,
    );
  });
});

describe('nested models', () => {
  useTestEngine();

  it('train as one, with paths of their own, in every form alike', async () => {
    class Nested extends BaseModel {
      @Child() body = sequential([
        layers.dense({ units: 3, activation: 'relu' }),
        sequential([layers.dense({ units: 3 })]),
      ]);
      @Child() heads = [layers.dense({ units: 2 }), layers.activation({ activation: 'tanh' })];
      call(input: Tensor, context: CallContext): Tensor {
        return this.heads.reduce<Tensor>((value, layer) => layer.call(value, context), this.body.call(input, context));
      }
    }
    const model = new Nested();
    model.compile({ optimizer: 'adam', loss: 'meanSquaredError', seed: 3 });
    model.build([null, 2]);
    expect(model.weightTree().paths()).toEqual([
      'body/dense/kernel',
      'body/dense/bias',
      'body/sequential/dense/kernel',
      'body/sequential/dense/bias',
      'heads_0/kernel',
      'heads_0/bias',
    ]);
    const initial = weightsOf(model);
    expect(initial['body/dense/kernel']).not.toEqual(initial['body/sequential/dense/kernel']);
    const history = await model.fit(x, y, { epochs: 30, verbose: 0 });
    expect(history.history['loss']!.at(-1)!).toBeLessThan(history.history['loss']![0]!);
    expect(model.getLayer('body/sequential/dense').describe()).toBe(
      'layer "body/sequential/dense" (Dense) of model "nested"',
    );
    model.dispose();
  });

  it('get the paths of their new root where they were looked at before', () => {
    const inner = sequential([layers.dense({ units: 2 })]);
    inner.getLayer('dense');
    const outer = sequential([inner], { name: 'outer' });
    outer.build([null, 2]);
    expect(outer.getLayer('sequential/dense').describe()).toBe('layer "sequential/dense" (Dense) of model "outer"');
    outer.dispose();
  });
});
