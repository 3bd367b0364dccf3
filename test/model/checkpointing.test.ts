import { describe, expect, it } from '@jest/globals';
import '../../src/container.js';
import { valueAndGradients } from '../../src/autodiff/value-and-gradients.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { BaseLayer } from '../../src/layers/base-layer.js';
import { CallContext } from '../../src/layers/call-context.js';
import { Checkpoint } from '../../src/layers/checkpointing.js';
import { Child, Layer } from '../../src/layers/declarations.js';
import { layers } from '../../src/layers/layers.js';
import { BaseModel } from '../../src/model/base-model.js';
import type { CheckpointPolicy } from '../../src/model/checkpoint-policy.js';
import { Model } from '../../src/model/declarations.js';
import { sequential } from '../../src/model/sequential.js';
import { useTestEngine } from '../helpers/engine.js';
import { liveObjects, MODES, rowsOf, thrownBy, weightsOf } from '../helpers/models.js';
import { expectClose } from '../helpers/close.js';

/** Recorded ops may be fused otherwise in the second run of a segment. */
const RECORDED_TOLERANCE = 2e-6;
/** The same where numbers have 8 bits. */
const HALF_TOLERANCE = 1e-2;

/** A layer that adds to the loss. */
@Layer('test/penalised')
class Penalised extends BaseLayer {
  call(x: Tensor, context?: CallContext): Tensor {
    context?.addLoss(tf.mul(0.01, tf.mean(tf.square(x))));
    return tf.sin(x);
  }
}

/** BatchNorm and dropout among them; seven layers. */
const chain = () => [
  layers.dense({ units: 8, activation: 'gelu' }),
  layers.batchNormalization({ momentum: 0.5 }),
  layers.dropout({ rate: 0.4 }),
  layers.residual({ body: [layers.dense({ units: 8, activation: 'tanh' }), layers.dropout({ rate: 0.2 })] }),
  new Penalised(),
  layers.dense({ units: 8, activation: 'relu', kernelRegularizer: 'l2' }),
  layers.dense({ units: 2 }),
];

@Model('test/tower')
class Tower extends BaseModel {
  @Child() body = sequential(chain());
  @Child() head = layers.dense({ units: 2 });
  call(x: Tensor, context?: CallContext): Tensor {
    return this.head.call(this.body.call(x, context), context);
  }
}

@Layer('test/checkpointed-block')
@Checkpoint()
class Block extends BaseLayer {
  static runs = 0;
  @Child() @Checkpoint() inner = [layers.dense({ units: 4, activation: 'tanh' }), layers.dropout({ rate: 0.3 })];
  call(x: Tensor, context?: CallContext): Tensor {
    Block.runs++;
    return this.inner.reduce((value, layer: BaseLayer) => layer.call(value, context), x);
  }
}

const [x, y] = [rowsOf(12, 4), rowsOf(12, 2, 100)];

async function trained(
  make: () => BaseModel,
  checkpoint: CheckpointPolicy | undefined,
  execution: 'eager' | 'recorded',
  more = {},
) {
  const model = make();
  model.compile({ optimizer: 'adam', loss: 'meanSquaredError', seed: 3, execution, checkpoint, ...more });
  const { history } = await model.fit(x, y, { epochs: 3, batchSize: 6, shuffle: false, verbose: 0 });
  const weights = weightsOf(model);
  model.dispose();
  return { loss: history.loss!, weights };
}

const POLICIES: readonly CheckpointPolicy[] = [
  'all',
  'sqrt',
  { every: 2 },
  { maxActivationMb: 0.0025 },
  /residual|dense/,
  ['dense', 'batch_normalization'],
];

describe.each(MODES)('checkpoint in compile, %s', (execution) => {
  useTestEngine();

  it.each(POLICIES.map((policy) => [policy]))('trains as without: %p', async (policy) => {
    const wanted = await trained(() => sequential(chain()), undefined, execution);
    const actual = await trained(() => sequential(chain()), policy, execution);
    if (execution === 'eager') expect(actual).toEqual(wanted);
    else {
      expectClose(actual.loss, wanted.loss, RECORDED_TOLERANCE);
      for (const [path, values] of Object.entries(wanted.weights)) {
        expectClose(actual.weights[path]!, values, 100 * RECORDED_TOLERANCE);
      }
    }
  });

  it.each<[string, CheckpointPolicy]>([
    ['all', 'all'],
    ['sqrt', 'sqrt'],
    ['a predicate', 'body/*'],
  ])('works in a model that is no chain: %s', async (_name, policy) => {
    const wanted = await trained(() => new Tower(), undefined, execution);
    const actual = await trained(() => new Tower(), policy, execution);
    expectClose(actual.loss, wanted.loss, RECORDED_TOLERANCE);
  });

  it.each([
    ['accumulation', { accumulateSteps: 2 }],
    ['clipping and a dynamic loss scale', { clip: { globalNorm: 0.1 }, lossScale: 'dynamic' }],
    ['mixed precision', { precision: 'mixed_bfloat16' }],
  ])('works under %s', async (_name, more) => {
    const wanted = await trained(() => sequential(chain()), undefined, execution, more);
    const actual = await trained(() => sequential(chain()), 'sqrt', execution, more);
    const tolerance = 'precision' in more ? HALF_TOLERANCE : RECORDED_TOLERANCE;
    expectClose(actual.loss, wanted.loss, execution === 'eager' ? 0 : tolerance);
  });

  it('leaves nothing behind', async () => {
    await trained(() => sequential(chain()), 'sqrt', execution);
    const before = liveObjects();
    await trained(() => sequential(chain()), 'sqrt', execution);
    expect(liveObjects()).toEqual(before);
  });

  it('takes decorated classes and children, one within the other', async () => {
    Block.runs = 0;
    const make = () => sequential([new Block(), layers.dense({ units: 2 })]);
    const actual = await trained(make, undefined, execution);
    const runs = Block.runs;
    expect(runs).toBeGreaterThanOrEqual(execution === 'eager' ? 12 : 2);
    const plain = () => {
      const model = make();
      model.build([null, 4], 3);
      for (const layer of [model, ...model.layers]) layer.setCheckpointed('declaration', false);
      return model;
    };
    const wanted = await trained(plain, undefined, execution);
    expectClose(actual.loss, wanted.loss, RECORDED_TOLERANCE);
  });
});

describe('checkpoint policies', () => {
  useTestEngine();

  it('stage moving statistics once, and add penalties once', () => {
    const model = sequential(chain(), { checkpoint: 'sqrt' });
    model.build([null, 4]);
    const context = new CallContext({ training: true });
    const input = tf.tensor2d(x);
    const { value, gradients } = valueAndGradients(() => {
      const output = model.call(input, context);
      return tf.add(tf.sum(output), context.losses[0]!);
    }, [input]);
    const staged = [...context.stateWrites.keys()].map(({ name }) => name);
    expect(staged).toEqual(['movingMean', 'movingVariance']);
    expect(context.losses).toHaveLength(1);
    tf.dispose([value, input, ...gradients.filter((gradient) => gradient !== null)]);
    context.dispose();
    model.dispose();
  });

  it.each<[CheckpointPolicy, RegExp]>([
    [{ every: 0 }, /every: a whole number/],
    [{ maxActivationMb: -1 }, /positive number of megabytes/],
    [{ maxMb: 3 } as unknown as CheckpointPolicy, /'none', 'all', 'sqrt'/],
    [3 as unknown as CheckpointPolicy, /'none', 'all', 'sqrt'/],
  ])('refuse %p', (policy, message) => {
    const model = sequential(chain());
    expect(thrownBy(() => model.compile({ loss: 'meanSquaredError', checkpoint: policy })).message).toMatch(message);
    expect(thrownBy(() => sequential(chain(), { checkpoint: policy })).message).toMatch(message);
    model.dispose();
  });

  it('refuse a predicate that chooses no layer, once the layers are known', async () => {
    const model = sequential(chain());
    model.build([null, 4]);
    const compile = () => model.compile({ loss: 'meanSquaredError', checkpoint: 'dens' });
    expect(thrownBy(compile).message).toMatch(/chooses at least one layer[^]*did you mean "dense"/);
    model.dispose();
    const later = sequential(chain());
    later.compile({ loss: 'meanSquaredError', checkpoint: 'dens' });
    await expect(later.fit(x, y, { verbose: 0 })).rejects.toThrow(/chooses at least one layer/);
    later.dispose();
  });

  it('refuse a budget that nothing fits, and segments where there is no chain', async () => {
    const model = sequential(chain());
    model.compile({ loss: 'meanSquaredError', checkpoint: { maxActivationMb: 1e-6 } });
    await expect(model.fit(x, y, { verbose: 0 })).rejects.toThrow(/the least is about/);
    model.dispose();
    @Model('test/no-chain')
    class NoChain extends BaseModel {
      @Child() head = layers.dense({ units: 2 });
      call(input: Tensor): Tensor {
        return this.head.call(input);
      }
    }
    const none = new NoChain();
    expect(() => none.compile({ loss: 'meanSquaredError', checkpoint: 'sqrt' })).toThrow(/sequential part/);
    none.dispose();
  });

  it('refuse @Checkpoint() on a field that is no child', () => {
    @Layer('test/no-child')
    class NoChild extends BaseLayer {
      @Checkpoint() inner = layers.dense({ units: 2 });
      call(input: Tensor): Tensor {
        return input;
      }
    }
    const layer = new NoChild();
    expect(() => layer.build([null, 2])).toThrow(/\[checkpoint-field\]/);
    layer.dispose();
  });
});

describe('memory of a step', () => {
  useTestEngine();

  it('falls by the policy, as a traced run of the step shows', async () => {
    const peak = async (checkpoint: CheckpointPolicy): Promise<number> => {
      const model = sequential(
        Array.from({ length: 16 }, () => layers.dense({ units: 64, activation: 'gelu' })),
        { checkpoint },
      );
      model.compile({ loss: 'meanSquaredError' });
      const [inputs, labels] = [tf.ones([1024, 64]), tf.zeros([1024, 64])];
      const { peakBytes } = await model.profile(inputs, labels, { runs: 1, batchSize: 1024 });
      tf.dispose([inputs, labels]);
      model.dispose();
      return peakBytes;
    };
    const none = await peak('none');
    const budget = await peak({ maxActivationMb: 4 });
    expect(await peak('all')).toBeLessThan(LEAST_SAVED * none);
    expect(await peak('sqrt')).toBeLessThan(LEAST_SAVED * none);
    expect(budget).toBeLessThan(LEAST_SAVED * none);
  });
});

/** GELU keeps several tensors a layer; what is left are a quarter of the layers, and what the gradients take. */
const LEAST_SAVED = 0.5;
