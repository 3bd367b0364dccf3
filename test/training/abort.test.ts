import { describe, expect, it } from '@jest/globals';
import { LambdaCallback } from '../../src/callbacks/lambda-callback.js';
import { Dataset } from '../../src/data/dataset.js';
import type { ExampleInput } from '../../src/data/example.js';
import { useTestEngine } from '../helpers/engine.js';
import { linearData, liveObjects, MODES, rejectionOf, smallModel, taken, weightsOf } from '../helpers/models.js';

const { x, y } = linearData(8);

/** A stream that notes how many of its passes were closed. */
function closingStream(milliseconds: number) {
  const closed = { count: 0 };
  async function* stream(): AsyncGenerator<ExampleInput> {
    try {
      for (;;) {
        yield { x: x.slice(0, 4), y: y.slice(0, 4) };
        await new Promise((resolve) => setTimeout(resolve, milliseconds));
      }
    } finally {
      closed.count++;
    }
  }
  return { stream: Dataset.fromIterable(stream), closed };
}

describe.each(MODES)('AbortSignal, %s', (execution) => {
  useTestEngine();

  const compiled = () => {
    const model = smallModel();
    model.compile({ loss: 'meanSquaredError', execution });
    return model;
  };

  it('aborted before: rejects with its reason, and nothing is trained or built', async () => {
    const model = compiled();
    const reason = new Error('changed my mind');
    const signal = AbortSignal.abort(reason);
    expect(await rejectionOf(model.fit(x, y, { verbose: 0, signal }))).toBe(reason);
    expect(await rejectionOf(model.evaluate(x, y, { signal }))).toBe(reason);
    expect(await rejectionOf(model.predict(x, { signal }))).toBe(reason);
    expect(model.built).toBe(false);
    model.dispose();
  });

  it.each(['onTrainBegin', 'onBatchBegin', 'onBatchEnd', 'onValidationBegin', 'onEpochEnd'] as const)(
    'aborted in %s: rejects with its reason, and the model stays usable',
    async (hook) => {
      const model = compiled();
      await model.fit(x, y, { verbose: 0 });
      const before = liveObjects();
      const controller = new AbortController();
      const reason = new Error('enough');
      const callback = new LambdaCallback({ [hook]: () => controller.abort(reason) });
      const options = { verbose: 0, batchSize: 4, validationSplit: 0.5, callbacks: [callback] } as const;
      expect(await rejectionOf(model.fit(x, y, { ...options, signal: controller.signal }))).toBe(reason);
      const history = await model.fit(x, y, { verbose: 0, batchSize: 4, validationSplit: 0.5 });
      expect(history.history['loss']).toHaveLength(1);
      // The validation's sums, the loss's two, are made once and kept.
      expect(liveObjects()).toEqual({ ...before, variables: before.variables + 2, handles: liveObjects().handles });
      model.dispose();
    },
  );

  it('trains no step after the one that was running', async () => {
    const model = compiled();
    model.build([null, 3]);
    const controller = new AbortController();
    const weights: Record<string, number[]>[] = [];
    const callback = new LambdaCallback({
      onBatchEnd: () => {
        weights.push(weightsOf(model));
        controller.abort();
      },
    });
    await rejectionOf(model.fit(x, y, { verbose: 0, batchSize: 2, callbacks: [callback], signal: controller.signal }));
    expect(weights).toHaveLength(1);
    expect(weightsOf(model)).toEqual(weights[0]);
    model.dispose();
  });

  it('closes the data it was reading, in fit and evaluate', async () => {
    const model = compiled();
    for (const [i, run] of (['fit', 'evaluate'] as const).entries()) {
      const { stream, closed } = closingStream(5);
      const controller = new AbortController();
      setTimeout(() => controller.abort(new Error(`timer ${i}`)), 40);
      const error = await rejectionOf(
        run === 'fit'
          ? model.fit(stream, { verbose: 0, signal: controller.signal })
          : model.evaluate(stream, { signal: controller.signal }),
      );
      expect(error.message).toBe(`timer ${i}`);
      expect(closed.count).toBe(1);
    }
    model.dispose();
  });

  it('does not wait long for data that never come', async () => {
    const model = compiled();
    const stuck = Dataset.fromIterable(async function* () {
      yield { x, y };
      await new Promise(() => undefined);
    });
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error('no patience')), 100);
    const error = await rejectionOf(model.fit(stuck, { verbose: 0, signal: controller.signal }));
    expect(error.message).toBe('no patience');
    expect(taken(await model.predict(x))).toHaveLength(8);
    model.dispose();
  });

  it('holds for predict between two batches', async () => {
    const model = compiled();
    const controller = new AbortController();
    setImmediate(() => controller.abort(new Error('stop')));
    const error = await rejectionOf(model.predict(x, { batchSize: 1, signal: controller.signal }));
    expect(error.message).toBe('stop');
    model.dispose();
  });
});

describe('an error in a callback', () => {
  useTestEngine();

  it('closes the data, and leaves the model usable', async () => {
    const model = smallModel();
    model.compile({ loss: 'meanSquaredError' });
    const { stream, closed } = closingStream(0);
    const callbacks = [
      new LambdaCallback({
        onBatchEnd: (batch) => {
          if (batch === 2) throw new Error('broken');
        },
      }),
    ];
    const error = await rejectionOf(model.fit(stream, { verbose: 0, callbacks }));
    expect(error.message).toMatch(/CallbackError \[callback-threw\] onBatchEnd of callback "[^"]+"/);
    expect(closed.count).toBe(1);
    await model.fit(x, y, { verbose: 0 });
    model.dispose();
  });
});
