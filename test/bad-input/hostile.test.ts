import { describe, expect, it } from '@jest/globals';
import {
  BaseMetric,
  BaseModel,
  BaseOptimizer,
  Child,
  layers,
  Model,
  recorded,
  sequential,
  startEngine,
  tf,
  type CallContext,
  type Tensor,
} from '../../src/index.js';

const X = [
  [1, 2],
  [3, 4],
];
const Y = [[1], [2]];

function compiled(options: Partial<Parameters<BaseModel['compile']>[0]> = {}) {
  const model = sequential([layers.dense({ units: 1, inputShape: [2] })]);
  model.compile({ loss: 'meanSquaredError', ...options });
  return model;
}

/** What a promise is rejected with. */
async function refusal(run: () => unknown): Promise<unknown> {
  try {
    await run();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was refused');
}

describe('hostile input', () => {
  it('refuses an array that contains itself', async () => {
    const endless: unknown[] = [];
    endless.push(endless);
    const model = compiled();
    expect(await refusal(() => model.predict(endless as never))).toMatchObject({ kind: 'array-shape' });
    model.dispose();
  });

  it('refuses a Map as options, undefined as x, and two sources of validation data', async () => {
    const model = compiled();
    const map = new Map([['epochs', 1]]) as never;
    expect(await refusal(() => model.fit(X, Y, map))).toMatchObject({ kind: 'options-type' });
    expect(await refusal(() => model.fit(undefined as never, Y))).toMatchObject({ name: 'DataError' });
    const both = { validationData: [X, Y] as const, validationSplit: 0.5, verbose: 0 as const };
    expect(await refusal(() => model.fit(X, Y, both))).toMatchObject({ kind: 'invalid-option' });
    model.dispose();
  });

  it('takes null for no signal', async () => {
    const model = compiled();
    await model.fit(X, Y, { verbose: 0, signal: null as never });
    model.dispose();
  });

  it('takes an array of batches, and refuses NaN in a later one', async () => {
    const model = compiled();
    const history = await model.fit([{ x: X, y: Y }], { verbose: 0 });
    expect(history.history['loss']).toHaveLength(1);
    const bad = [
      { x: X, y: Y },
      { x: [[NaN, 1]], y: [[1]] },
    ];
    expect(await refusal(() => model.fit(bad, { verbose: 0 }))).toMatchObject({ kind: 'not-finite' });
    model.dispose();
  });

  it('refuses a model inside itself', () => {
    const outer = sequential([layers.dense({ units: 1 })]);
    expect(() => outer.add(outer)).toThrow(expect.objectContaining({ kind: 'layer-cycle' }));
    const inner = sequential([layers.dense({ units: 1 })]);
    outer.add(inner);
    expect(() => inner.add(outer)).toThrow(expect.objectContaining({ kind: 'layer-cycle' }));
    outer.dispose();
  });

  it('refuses disposed tensors in setWeights', () => {
    const model = compiled();
    const weights = model.getWeights();
    tf.dispose(weights);
    expect(() => model.setWeights(weights)).toThrow(expect.objectContaining({ kind: 'tensor-disposed' }));
    model.dispose();
  });

  it('names a loss that returns nothing, and leaks nothing where state cannot be made', async () => {
    class Unnamed extends BaseMetric {
      readonly sums = null as never;
      measure(): Record<string, Tensor> {
        return {};
      }
      result(): number {
        return 0;
      }
    }
    class BadSlots extends BaseOptimizer {
      override slots() {
        return { a: NaN };
      }
      apply(): void {}
    }
    const { counters } = startEngine();
    const before = counters();
    const losing = compiled({ loss: (() => undefined) as never });
    expect(await refusal(() => losing.fit(X, Y, { verbose: 0 }))).toMatchObject({ kind: 'loss-result' });
    losing.dispose();
    for (const options of [{ metrics: [new Unnamed()] }, { optimizer: new BadSlots() }]) {
      const model = compiled(options);
      await refusal(() => model.fit(X, Y, { verbose: 0 }));
      model.dispose();
    }
    const { tensors, handles, variables } = counters();
    expect({ tensors, handles, variables }).toEqual({
      tensors: before.tensors,
      handles: before.handles,
      variables: before.variables,
    });
  });

  it('refuses an asynchronous optimizer, and what is no function', async () => {
    class Late extends BaseOptimizer {
      override apply(): void {
        return Promise.reject(new Error('late')) as never;
      }
    }
    const model = compiled({ optimizer: new Late() });
    expect(await refusal(() => model.fit(X, Y, { verbose: 0 }))).toMatchObject({ kind: 'optimizer-async' });
    model.dispose();
    expect(() => recorded(5 as never)).toThrow(expect.objectContaining({ kind: 'recorded-argument' }));
    expect(await refusal(() => recorded((async (x: Tensor) => x) as never)(tf.scalar(1) as never))).toMatchObject({
      kind: 'recorded-async',
    });
  });
});

describe('a call without a context', () => {
  it('takes over that of the layer whose call is running', async () => {
    @Model('test/careless')
    class Careless extends BaseModel {
      @Child() normalise = layers.batchNormalization();
      @Child() drop = layers.dropout({ rate: 0.5 });
      @Child() head = layers.dense({ units: 1 });
      call(x: Tensor, _context?: CallContext): Tensor {
        return this.head.call(this.drop.call(this.normalise.call(x)));
      }
    }
    const weightsOf = async (seed: number) => {
      using model = new Careless();
      model.compile({ loss: 'meanSquaredError', seed });
      await model.fit(X, Y, { verbose: 0 });
      return model.getWeights().map((weight) => [...weight.dataSync()]);
    };
    const [first, second] = [await weightsOf(1), await weightsOf(2)];
    // The moving mean, third after scale and offset, has moved, and the seed has reached the kernel.
    expect(first[2]).not.toEqual([0, 0]);
    expect(first.at(-2)).not.toEqual(second.at(-2));
  });
});
