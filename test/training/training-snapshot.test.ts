import { describe, expect, it } from '@jest/globals';
import { LambdaCallback } from '../../src/callbacks/lambda-callback.js';
import { BaseCallback } from '../../src/callbacks/callback.js';
import { engine } from '../../src/engine/start-engine.js';
import { layers } from '../../src/layers/layers.js';
import { sequential } from '../../src/model/sequential.js';
import { Adam } from '../../src/optimizers/adam.js';
import type { StoredTensor } from '../../src/storage/stored-tensor.js';
import type { CheckpointPoint } from '../../src/training/checkpoint-contract.js';
import type { SnapshotTensors, TrainingRecord } from '../../src/training/training-snapshot.js';
import { useTestEngine } from '../helpers/engine.js';
import { linearData, MODES, weightsOf } from '../helpers/models.js';

const { x, y } = linearData(40);

/** Takes a snapshot after a step, and brings it to host memory when the run is over. */
class Taking extends BaseCallback {
  points: Omit<CheckpointPoint, 'snapshot'>[] = [];
  weights: Record<string, number[]> = {};
  record: TrainingRecord | undefined;
  tensors: SnapshotTensors | undefined;
  private late: Awaited<ReturnType<CheckpointPoint['snapshot']>> | undefined;

  constructor(
    private readonly at: number,
    private readonly read: () => Record<string, number[]>,
  ) {
    super();
  }

  override get checkpoints() {
    return { everySteps: 3 };
  }

  override async saveCheckpoint({ snapshot, ...point }: CheckpointPoint): Promise<void> {
    this.points.push(point);
    if (point.totalSteps !== this.at || point.at !== 'step') return;
    this.weights = this.read();
    this.late = await snapshot();
    this.record = this.late.record;
  }

  override async onTrainEnd(): Promise<void> {
    this.tensors = await this.late!.download();
  }
}

const floatsOf = ({ data }: StoredTensor): number[] => Array.from(new Float32Array(data.slice().buffer));

describe.each(MODES)('a snapshot of a training, %s', (execution) => {
  useTestEngine();

  const compiled = () => {
    const model = sequential([layers.dense({ units: 4, name: 'a' }), layers.dense({ units: 1, name: 'b' })]);
    model.compile({
      optimizer: new Adam({ learningRate: 0.1 }),
      loss: 'meanSquaredError',
      metrics: ['mean'],
      accumulateSteps: 2,
      precision: 'mixed_float16',
      lookahead: { every: 2 },
      execution,
    });
    return model;
  };

  it('holds the values of its moment, whatever is trained after, under names that are paths', async () => {
    const model = compiled();
    const taking = new Taking(3, () => weightsOf(model));
    const { tensors: before } = engine().counters();
    await model.fit(x, y, { epochs: 2, batchSize: 8, verbose: 0, callbacks: [taking] });
    const { weights, state } = taking.tensors!;
    expect(Object.fromEntries([...weights].map(([path, tensor]) => [path, floatsOf(tensor)]))).toEqual(taking.weights);
    expect(weightsOf(model)).not.toEqual(taking.weights);
    const paths = ['a/bias', 'a/kernel', 'b/bias', 'b/kernel'];
    expect([...weights.keys()].sort()).toEqual(paths);
    expect([...state.keys()].sort()).toEqual(
      [
        ...paths.map((path) => `gradient-sums/weights/${path}`),
        'gradient-sums/loss',
        'gradient-sums/total',
        'loss-scale/good-steps',
        'loss-scale/scale',
        'optimizer/0/iterations',
        'optimizer/0/scalars/beta1Power',
        'optimizer/0/scalars/beta2Power',
        ...paths.flatMap((path) => [`optimizer/0/slots/${path}/mean`, `optimizer/0/slots/${path}/meanSquare`]),
        ...paths.map((path) => `optimizer/0/lookahead/slots/${path}/slow`),
        'random-step',
        'sums/train/loss/count',
        'sums/train/loss/total',
        'sums/train/mean/total',
        'sums/train/mean/weight',
      ].sort(),
    );
    // Held until it was brought to host memory, and no longer.
    expect(engine().counters().tensors).toBe(before);
    const { position, settings, host, callbacks } = taking.record!;
    expect(position).toMatchObject({
      epoch: 0,
      next: 'steps',
      step: 3,
      totalSteps: 3,
      examples: 24,
      pass: 0,
      taken: 3,
    });
    expect(host).toMatchObject({ gradientSums: { pending: 1, reached: expect.arrayContaining(paths) } });
    expect(settings.binding).toMatchObject({ precision: 'mixed_float16', 'examples of a pass': 40, batchSize: 8 });
    expect(settings.noted).toMatchObject({ execution, deterministic: true, TensorFlow: engine().version });
    expect(callbacks).toMatchObject({ 'History 0': { epoch: [] } });
    model.dispose();
  });

  it('can be taken between the steps that were asked for, and after each epoch', async () => {
    const model = compiled();
    const taking = new Taking(6, () => ({}));
    await model.fit(x, y, { epochs: 2, batchSize: 8, verbose: 0, callbacks: [taking] });
    expect(
      taking.points.map(({ at, epoch, totalSteps, isLast, logs }) => [at, epoch, totalSteps, isLast, logs !== null]),
    ).toEqual([
      ['step', 0, 3, false, false],
      ['epoch', 0, 5, false, true],
      ['step', 1, 6, false, false],
      ['step', 1, 9, false, false],
      ['epoch', 1, 10, true, true],
    ]);
    model.dispose();
  });

  it('is taken after every callback has seen the step', async () => {
    const model = compiled();
    const calls: string[] = [];
    const taking = new Taking(3, () => ({}));
    Object.assign(taking, {
      saveCheckpoint: ({ at }: CheckpointPoint) => void calls.push(`save ${at}`),
      onTrainEnd: undefined,
    });
    const after = new LambdaCallback({
      onBatchEnd: (batch) => void calls.push(`batch ${batch}`),
      onEpochEnd: (epoch) => void calls.push(`epoch ${epoch}`),
    });
    await model.fit(x, y, { batchSize: 16, verbose: 0, callbacks: [taking, after] });
    expect(calls).toEqual(['batch 0', 'batch 1', 'batch 2', 'save step', 'epoch 0', 'save epoch']);
    model.dispose();
  });
});
