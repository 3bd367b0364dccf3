import { describe, expect, it } from '@jest/globals';
import '../../src/container.js';
import { BaseCallback } from '../../src/callbacks/callback.js';
import { Callback } from '../../src/callbacks/declarations.js';
import { LambdaCallback } from '../../src/callbacks/lambda-callback.js';
import { engine } from '../../src/engine/start-engine.js';
import { tf } from '../../src/engine/tfjs.js';
import type { BaseLayer } from '../../src/layers/base-layer.js';
import { Child } from '../../src/layers/declarations.js';
import { layers } from '../../src/layers/layers.js';
import { SparseCategoricalCrossentropy } from '../../src/losses/sparse-categorical-crossentropy.js';
import { BaseModel } from '../../src/model/base-model.js';
import { sequential } from '../../src/model/sequential.js';
import { Adam } from '../../src/optimizers/adam.js';
import type { BaseOptimizer } from '../../src/optimizers/base-optimizer.js';
import type { Execution } from '../../src/training/training-plan.js';
import type { CallContext } from '../../src/layers/call-context.js';
import type { Tensor } from '../../src/engine/tfjs.js';
import { useTestEngine } from '../helpers/engine.js';
import { alive } from '../helpers/recording.js';
import { CURVE_TOLERANCE } from '../helpers/two-modes.js';

useTestEngine();

const ROWS = 22;
const X = Array.from({ length: ROWS }, (_, i) => Array.from({ length: 6 }, (_, j) => Math.sin(5 * i + 3 * j)));
const LABELS = Array.from({ length: ROWS }, (_, i) => (i * i) % 3);

/** A few steps from equal weights drift apart by rounding only. */
const FEW_STEPS = 1e-5;

function classifier(execution: Execution, optimizer: BaseOptimizer = new Adam({ learningRate: 0.01 })): BaseModel {
  const model = sequential([
    layers.dense({ units: 8, activation: 'relu' }),
    layers.batchNormalization({}),
    layers.dropout({ rate: 0.25 }),
    layers.dense({ units: 3 }),
  ]);
  const loss = new SparseCategoricalCrossentropy({ fromLogits: true });
  model.compile({ optimizer, loss, metrics: ['accuracy'], seed: 5, execution });
  return model;
}

function weightsOf(model: BaseModel): number[] {
  return model.getWeights().flatMap((tensor) => {
    const values = Array.from(tensor.dataSync());
    tensor.dispose();
    return values;
  });
}

/** Runs a scenario in both modes, and compares the numbers that it gives. */
async function compare(
  scenario: (execution: 'eager' | 'recorded') => Promise<readonly number[]>,
  tolerance = FEW_STEPS,
): Promise<readonly number[]> {
  const eager = await scenario('eager');
  const { functionCalls } = engine().counters();
  const recorded = await scenario('recorded');
  expect(engine().counters().functionCalls).toBeGreaterThan(functionCalls);
  expect(recorded).toHaveLength(eager.length);
  for (const [i, value] of recorded.entries()) {
    expect(Math.abs(value - eager[i]!)).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(eager[i]!)));
  }
  return recorded;
}

const quiet = { batchSize: 8, verbose: 0 } as const;
const hooks = (callbacks: ConstructorParameters<typeof LambdaCallback>[0]) => [new LambdaCallback(callbacks)];

describe('both modes train alike', () => {
  it('with a short last batch, and again in a second fit', async () => {
    await compare(async (execution) => {
      const model = classifier(execution);
      const first = await model.fit(X, LABELS, { ...quiet, epochs: 2 });
      const second = await model.fit(X, LABELS, { ...quiet, epochs: 2 });
      expect([...first.mode, ...second.mode]).toEqual(Array.from({ length: 4 }, () => execution));
      expect(first.steps).toEqual([3, 3]);
      const values = [...first.history.loss!, ...second.history.accuracy!, ...weightsOf(model)];
      model.dispose();
      return values;
    });
  });

  it('with sample weights and class weights', async () => {
    const run = (options: object) => async (execution: Execution) => {
      const model = classifier(execution);
      const { history } = await model.fit(X, LABELS, { ...quiet, epochs: 2, ...options });
      const values = [...history.loss!, ...history.accuracy!, ...weightsOf(model)];
      model.dispose();
      return values;
    };
    const plain = await compare(run({}));
    const bySample = await compare(run({ sampleWeight: LABELS.map((label) => 0.5 + label) }));
    const byClass = await compare(run({ classWeight: { 0: 0.1, 1: 1, 2: 3 } }));
    expect(new Set([plain[0], bySample[0], byClass[0]]).size).toBe(3);
  });

  it('and evaluate and predict alike, whatever the batch', async () => {
    await compare(async (execution) => {
      const model = classifier(execution);
      await model.fit(X, LABELS, { ...quiet, epochs: 1 });
      const whole = await model.evaluate(X, LABELS, { batchSize: ROWS, verbose: 0 });
      const parts = await model.evaluate(X, LABELS, { batchSize: 5, verbose: 0 });
      const output = await model.predict(X, { batchSize: 7 });
      const values = [whole.loss!, whole.accuracy!, parts.loss!, parts.accuracy!, ...output.dataSync()];
      output.dispose();
      model.dispose();
      return values;
    });
  });

  it('where weights are overwritten between steps', async () => {
    const values = await compare(async (execution) => {
      const model = classifier(execution);
      const overwrite = (batch: number): void => {
        if (batch !== 1) return;
        tf.tidy(() => model.setWeights(model.getWeights().map((weight) => tf.fill(weight.shape, 0.25))));
      };
      const after: number[] = [];
      const watch = (_: number, { loss }: Readonly<Record<string, number>>): void => void after.push(loss!);
      await model.fit(X, LABELS, {
        ...quiet,
        shuffle: false,
        callbacks: hooks({ onBatchBegin: overwrite, onBatchEnd: watch }),
      });
      const result = [...after, ...weightsOf(model)];
      model.dispose();
      return result;
    });
    // Equal logits for three classes.
    expect(values[1]).toBeCloseTo(Math.log(3), 5);
  });

  it('where the learning rate changes between steps', async () => {
    await compare(async (execution) => {
      const optimizer = new Adam({ learningRate: 0.01 });
      const model = classifier(execution, optimizer);
      const before: number[][] = [];
      const change = (batch: number): void => {
        before.push(weightsOf(model));
        optimizer.learningRate = [0.05, 0, 0.002][batch]!;
      };
      const { functionCalls } = engine().counters();
      await model.fit(X, LABELS, { ...quiet, callbacks: hooks({ onBatchBegin: change }) });
      // The rate is fed: two shapes of a batch, no recording more, and one call a step.
      expect(engine().counters().functionCalls - functionCalls).toBe(execution === 'recorded' ? 3 : 0);
      const moved = (i: number) => before[i + 1]!.filter((value, at) => value !== before[i]![at]).length;
      expect(moved(0)).toBeGreaterThan(moved(1));
      const values = weightsOf(model);
      model.dispose();
      return values;
    });
  });

  it('where layers are frozen and thawed between steps', async () => {
    await compare(async (execution) => {
      const model = classifier(execution);
      const kernels: number[][] = [];
      const flip = (batch: number): void => {
        const kernel = tf.tidy(() => Array.from(model.getWeights()[0]!.dataSync()));
        kernels.push(kernel);
        model.setTrainable((path) => path === 'dense', batch !== 1);
      };
      await model.fit(X, LABELS, { ...quiet, batchSize: 5, shuffle: false, callbacks: hooks({ onBatchBegin: flip }) });
      const moved = kernels.slice(1).map((kernel, i) => kernel.some((value, at) => value !== kernels[i]![at]));
      expect(moved).toEqual([true, false, true, true]);
      const values = weightsOf(model);
      model.dispose();
      return values;
    });
  });

  it('where a layer that was frozen from the start is thawed', async () => {
    await compare(async (execution) => {
      const model = classifier(execution);
      model.setTrainable((path) => path === 'dense', false);
      await model.fit(X, LABELS, { ...quiet });
      model.setTrainable((path) => path === 'dense', true);
      await model.fit(X, LABELS, { ...quiet });
      const values = weightsOf(model);
      model.dispose();
      return values;
    });
  });

  it('where two models share a layer', async () => {
    await compare(async (execution) => {
      const shared = layers.dense({ units: 4, activation: 'tanh' });
      const [a, b] = [1, 2].map((units) => {
        const model = new Sharing(shared, units);
        model.compile({ optimizer: 'sgd', loss: 'meanSquaredError', execution, seed: units });
        return model;
      }) as [Sharing, Sharing];
      const values: number[] = [];
      for (let round = 0; round < 4; round++) {
        values.push(
          (
            await a.trainOnBatch(
              X,
              X.map(([x]) => [x!]),
            )
          ).loss!,
        );
        values.push(
          (
            await b.trainOnBatch(
              X,
              X.map(([x, y]) => [x!, y!]),
            )
          ).loss!,
        );
      }
      const kernel = shared.kernel.value;
      values.push(...kernel.dataSync());
      kernel.dispose();
      a.dispose();
      b.dispose();
      return values;
    });
  });

  it('where steps that are not finite are left out', async () => {
    const bad = X.map((row, i) => (i === 9 ? row.map(() => 3e38) : row));
    await compare(async (execution) => {
      const model = classifier(execution);
      const skipped: boolean[] = [];
      const weights: number[][] = [];
      const watch = new Watching((loss) => {
        skipped.push(!Number.isFinite(loss));
        weights.push(weightsOf(model));
      });
      await model.fit(bad, LABELS, { ...quiet, epochs: 2, shuffle: false, callbacks: [watch] });
      // Rows 8 to 15 are the second batch of each epoch.
      expect(skipped).toEqual([false, true, false, false, true, false]);
      expect(weights[1]).toEqual(weights[0]);
      expect(weights[4]).toEqual(weights[3]);
      expect(weights[2]).not.toEqual(weights[1]);
      const values = weights.flat();
      model.dispose();
      return values;
    });
  });

  it('where predict is called from a timer', async () => {
    await compare(async (execution) => {
      const model = classifier(execution);
      const outputs: Promise<Tensor>[] = [];
      const timer = setInterval(() => outputs.push(model.predict(X, { batchSize: 4 })), 2);
      const { history } = await model.fit(X, LABELS, { ...quiet, batchSize: 4, epochs: 25 });
      clearInterval(timer);
      const results = await Promise.all(outputs);
      expect(results.length).toBeGreaterThan(2);
      for (const result of results) expect(result.shape).toEqual([ROWS, 3]);
      const first = Array.from(results[0]!.dataSync());
      expect(first).not.toEqual(Array.from(results.at(-1)!.dataSync()));
      tf.dispose(results);
      model.dispose();
      return history.loss!;
    }, CURVE_TOLERANCE);
  });
});

describe('free-running', () => {
  it(`loss curves agree to ${CURVE_TOLERANCE} over 60 steps`, async () => {
    const curve = await compare(async (execution) => {
      const model = classifier(execution);
      const { history } = await model.fit(X, LABELS, { ...quiet, epochs: 20 });
      model.dispose();
      return history.loss!;
    }, CURVE_TOLERANCE);
    expect(curve.at(-1)!).toBeLessThan(curve[0]!);
  });
});

describe('the recorded path', () => {
  it('calls one function a step, and runs no more eager ops than tensors are fed and fetched', async () => {
    const model = classifier('recorded');
    const seen: { functionCalls: number; executedOps: number }[] = [];
    const note = (): void => {
      const { functionCalls, executedOps } = engine().counters();
      seen.push({ functionCalls, executedOps });
    };
    const epochs = 4;
    // x, y, the learning rate and, because a callback listens, the loss.
    const fedAndFetched = 4;
    await model.fit(X.slice(0, 16), LABELS.slice(0, 16), {
      ...quiet,
      batchSize: 4,
      epochs,
      callbacks: hooks({ onBatchEnd: note }),
    });
    for (let epoch = 0; epoch < epochs; epoch++) {
      for (let step = 1; step < 4; step++) {
        const [before, after] = [seen[4 * epoch + step - 1]!, seen[4 * epoch + step]!];
        expect(after.functionCalls - before.functionCalls).toBe(1);
        expect(after.executedOps - before.executedOps).toBeLessThanOrEqual(fedAndFetched);
      }
    }
    expect(seen).toHaveLength(16);
    expect(seen.at(-1)!.functionCalls - seen[0]!.functionCalls).toBe(15);
    model.dispose();
  });

  it('frees everything with the model', async () => {
    const before = alive();
    for (let round = 0; round < 2; round++) {
      const model = classifier('recorded');
      await model.fit(X, LABELS, { ...quiet, validationData: [X, LABELS] });
      (await model.predict(X)).dispose();
      model.dispose();
      expect(alive()).toEqual(before);
    }
  });
});

class Sharing extends BaseModel {
  @Child() body: BaseLayer;
  @Child() head: BaseLayer;

  constructor(body: BaseLayer, units: number) {
    super();
    this.body = body;
    this.head = layers.dense({ units });
  }

  call(x: Tensor, context: CallContext): Tensor {
    return this.head.call(this.body.call(x, context), context);
  }
}

@Callback('test/watching-losses')
class Watching extends BaseCallback {
  override readonly gatesNonFinite = true;

  constructor(private readonly watch: (loss: number) => void) {
    super();
  }

  override onBatchEnd(_: number, { loss }: Readonly<Record<string, number>>): void {
    this.watch(loss!);
  }
}
