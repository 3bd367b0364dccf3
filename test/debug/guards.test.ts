import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { LambdaCallback } from '../../src/callbacks/lambda-callback.js';
import { Dataset } from '../../src/data/dataset.js';
import { LeakGuard } from '../../src/debug/leak-guard.js';
import { RetraceGuard } from '../../src/debug/retrace-guard.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import type { CallContext } from '../../src/layers/call-context.js';
import { BaseLayer } from '../../src/layers/base-layer.js';
import { Layer } from '../../src/layers/declarations.js';
import { layers } from '../../src/layers/layers.js';
import type { BaseModel } from '../../src/model/base-model.js';
import { sequential } from '../../src/model/sequential.js';
import type { CallbackContract } from '../../src/training/callback-contract.js';
import { callbackContract } from '../helpers/callback-contract.js';
import { useTestEngine } from '../helpers/engine.js';
import { heard } from '../helpers/heard.js';
import { linearData, MODES, smallModel } from '../helpers/models.js';

const { x, y } = linearData(64);
const fit = { batchSize: 8, verbose: 0 } as const;
const HERE = readFileSync(fileURLToPath(import.meta.url), 'utf8').split('\n');

/** The text of the line that a place names. */
function textAt(place: string): string {
  return HERE[Number(/:(\d+):\d+$/.exec(place)![1]) - 1]!;
}

const hoard: Tensor[] = [];

@Layer('test/hoarding')
class Hoarding extends BaseLayer {
  call(input: Tensor, _context: CallContext): Tensor {
    hoard.push(tf.keep(tf.square(input))); // the leak
    return input.clone();
  }
}

describe.each(MODES)('LeakGuard, %s', (execution) => {
  useTestEngine();

  const train = async (model: BaseModel, callbacks: CallbackContract[], epochs = 1) => {
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError', execution, seed: 3 });
    const history = await model.fit(x, y, { ...fit, epochs, validationSplit: 0.25, callbacks });
    model.dispose();
    tf.dispose(hoard.splice(0));
    return history;
  };

  it('names the op and the line of what a callback leaks in each step', async () => {
    const guard = new LeakGuard();
    const hoarding = new LambdaCallback({
      onBatchEnd: () => void hoard.push(tf.sqrt(2)), // the leak
    });
    const { made: model, warnings } = heard(smallModel);
    await train(model, [hoarding, guard], 3);
    expect(guard.findings).toHaveLength(1);
    const [finding] = guard.findings;
    expect(finding).toMatchObject({ kind: 'step-leak', op: 'sqrt', shape: [], evidence: { 'per step': 1 } });
    expect(textAt(finding!.line)).toContain('the leak');
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/LeakGuard, step \d+: each step leaves a tensor alive: the result of sqrt/);
  });

  it('names what is left between epochs, and can end training', async () => {
    const guard = new LeakGuard({ action: 'stop', tolerated: 2 });
    const hoarding = new LambdaCallback({
      onEpochEnd: () => void hoard.push(tf.ones([3]), tf.zeros([2])), // the leak
    });
    const { made: model, warnings } = heard(smallModel);
    const history = await train(model, [hoarding, guard], 20);
    expect(guard.findings.length).toBeGreaterThan(0);
    expect(guard.findings[0]).toMatchObject({ kind: 'epoch-leak', evidence: { 'per epoch': 2 } });
    expect(textAt(guard.findings[0]!.line)).toContain('the leak');
    expect(history.stopReason).toMatch(/each epoch leaves 2 tensors/);
    expect(history.epoch.length).toBeLessThan(8);
    expect(warnings).toHaveLength(1);
  });

  it('says nothing of a healthy run, and leaves the engine as it was', async () => {
    const engine = tf.engine() as unknown as { trackTensor: unknown; disposeTensor: unknown };
    const { trackTensor, disposeTensor } = engine;
    const guard = new LeakGuard({ tolerated: 1 });
    const { made: model, warnings } = heard(smallModel);
    const once: Tensor[] = [];
    const keeping = new LambdaCallback({
      onBatchEnd: (batch) => {
        // Kept, but once; and one that is kept as long as it takes to make the next.
        if (once.length === 0) once.push(tf.scalar(1));
        hoard.push(tf.scalar(batch));
        hoard.splice(0, hoard.length - 1).forEach((old) => old.dispose());
      },
    });
    await train(model, [keeping, guard], 5);
    tf.dispose(once);
    expect(guard.findings).toEqual([]);
    expect(warnings).toEqual([]);
    expect([engine.trackTensor, engine.disposeTensor]).toEqual([trackTensor, disposeTensor]);
  });
});

describe('a leak inside a layer', () => {
  useTestEngine();

  it('is named with the layer where steps run op by op', async () => {
    const guard = new LeakGuard();
    const { made: model } = heard(() => sequential([new Hoarding(), layers.dense({ units: 1 })]));
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError', execution: 'eager', seed: 3 });
    await model.fit(x, y, { ...fit, callbacks: [guard] });
    expect(guard.findings).toMatchObject([{ kind: 'step-leak', op: 'square' }]);
    expect(guard.findings[0]!.where).toMatch(/^hoarding /);
    expect(textAt(guard.findings[0]!.line)).toContain('the leak');
    model.dispose();
    tf.dispose(hoard.splice(0));
  });
});

describe.each(MODES)('RetraceGuard, %s', (execution) => {
  useTestEngine();

  const train = async (sizes: readonly number[], guard: RetraceGuard) => {
    const { made: model, warnings } = heard(smallModel);
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError', execution, seed: 3 });
    const batches = Dataset.fromIterable(() =>
      sizes.map((size) => ({ x: x.slice(0, size), y: y.slice(0, size) })),
    ) as unknown as Parameters<BaseModel['fitDataset']>[0];
    const history = await model.fitDataset(batches, { epochs: 1, verbose: 0, callbacks: [guard] });
    model.dispose();
    return { history, warnings };
  };
  const isRecorded = execution === 'recorded';

  it('names the argument that changes at every step', async () => {
    const guard = new RetraceGuard({ action: 'stop' });
    const { history, warnings } = await train([2, 3, 4, 5, 6, 7, 8, 9, 10, 11], guard);
    if (!isRecorded) {
      expect(guard.findings).toEqual([]);
      return;
    }
    expect(guard.findings).toMatchObject([{ kind: 'every-step', evidence: { streak: 5 } }]);
    expect(guard.findings[0]!.changes).toEqual([
      'x from float32 [5, 3] to float32 [6, 3]',
      'y from float32 [5, 1] to float32 [6, 1]',
    ]);
    expect(history.stopReason).toMatch(/4 steps in a row had to be recorded, because x from/);
    expect(history.steps).toEqual([5]);
    expect(warnings.some((text) => text.startsWith('RetraceGuard'))).toBe(true);
  });

  it('counts recordings that alternate, and says nothing of a few', async () => {
    const twice = [2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7];
    const strict = new RetraceGuard({ maximum: 4 });
    await train(twice, strict);
    expect(strict.findings.map(({ kind }) => kind)).toEqual(isRecorded ? ['too-many'] : []);
    const healthy = new RetraceGuard();
    const { warnings } = await train(twice, healthy);
    expect(healthy.findings).toEqual([]);
    expect(warnings).toEqual([]);
  });
});

callbackContract(RetraceGuard, {
  options: { tolerated: 2, maximum: 5, action: 'stop' as const },
  refused: [[{ maximum: 0 }, /maximum/]],
});
callbackContract(LeakGuard, {
  options: { tolerated: 2, action: 'stop' as const },
  refused: [[{ tolerated: 0 }, /tolerated/]],
});
