import { describe, expect, it } from '@jest/globals';
import { onlyFor } from '../../src/optimizers/only-for.js';
import { clipByNorm } from '../../src/optimizers/clip-by-norm.js';
import { Adam } from '../../src/optimizers/adam.js';
import { layers } from '../../src/layers/layers.js';
import { sequential } from '../../src/model/sequential.js';
import { nearestNames } from '../../src/core/nearest-name.js';
import { useEngine } from '../../src/engine/start-engine.js';
import { useTestEngine } from '../helpers/engine.js';
import { thrownBy } from '../helpers/models.js';
import { refusal } from '../helpers/refusal.js';

const built = () => sequential([layers.dense({ units: 1, inputShape: [3] })], { name: 'digits' });

describe('a name that is nearly right', () => {
  it.each<[string, string[], string[]]>([
    // A part of one, the nearer first.
    ['bfloat16', ['float32', 'mixed_bfloat16', 'mixed_float16'], ['mixed_bfloat16']],
    ['float16', ['float32', 'mixed_bfloat16', 'mixed_float16'], ['mixed_float16', 'mixed_bfloat16', 'float32']],
    // Its initials.
    ['lr', ['beta1', 'learningRate', 'epsilon'], ['learningRate']],
    ['mse', ['meanSquaredError', 'binaryCrossentropy'], ['meanSquaredError']],
    // One is a part of it, where nothing is nearer.
    ['clipnorm', ['clip', 'loss', 'optimizer'], ['clip']],
    ['dense_1/kernal', ['dense_1', 'dense_1/kernel', 'dense_2/bias'], ['dense_1/kernel']],
    ['x', ['loss', 'optimizer'], []],
  ])('%s', (name, known, nearest) => {
    expect(nearestNames(name, known)).toEqual(nearest);
  });
});

describe('what is meant is said:', () => {
  useTestEngine();

  it('of a precision, an option of an optimizer, a way of clipping, a checkpoint policy', async () => {
    const model = built();
    model.compile({ loss: 'meanSquaredError' });
    const compile = (options: object) => refusal(model, () => model.compile({ loss: 'meanSquaredError', ...options }));
    expect(await compile({ precision: 'bfloat16' })).toMatch(/fix {7}did you mean "mixed_bfloat16"\?/);
    expect(thrownBy(() => useEngine({ precision: 'bfloat16' as never })).message).toMatch(/mixed_bfloat16"\?/);
    expect(await compile({ clipnorm: 1 })).toMatch(/fix {7}did you mean "clip"\?/);
    expect(await compile({ lr: 0.1 })).toMatch(/fix {7}"learningRate" is an option of the optimizer, new Adam/);
    expect(await compile({ batchSize: 8 })).toMatch(/fix {7}"batchSize" is an option of fit/);
    expect(await refusal(model, () => model.fit([[1, 2, 3]], [1], { metrics: [] } as object))).toMatch(
      /fix {7}"metrics" is an option of compile/,
    );
    expect(await compile({ checkpoint: 'SQRT' })).toMatch(/fix {7}did you mean "sqrt"\?/);
    expect(thrownBy(() => new Adam({ lr: 0.1 } as object)).message).toMatch(/fix {7}did you mean "learningRate"\?/);
    model.dispose();
  });

  it('where a predicate stands that is none', async () => {
    const model = built();
    const compile = (options: object) =>
      refusal(model, () => model.compile({ loss: 'meanSquaredError', ...options })).then((text) => text.split('\n')[0]);
    model.compile({ loss: 'meanSquaredError' });
    expect([
      await compile({ precision: 'mixed_bfloat16', float32Layers: 5 }),
      await compile({ checkpoint: [5] }),
      thrownBy(() => onlyFor({} as never, clipByNorm(1))).message.split('\n')[0],
    ]).toEqual([
      'OptionsError [path-predicate] option "float32Layers" of compile of model "digits"',
      'OptionsError [path-predicate] option "checkpoint" of compile of model "digits"',
      'OptionsError [path-predicate] predicate of onlyFor',
    ]);
    model.dispose();
  });

  it('a scale of the loss that float32 cannot hold', async () => {
    const model = built();
    model.compile({ loss: 'meanSquaredError' });
    for (const lossScale of [1e300, 1e-300, 1e39, 1e-45]) {
      expect(await refusal(model, () => model.compile({ loss: 'meanSquaredError', lossScale }))).toMatch(
        /option "lossScale"[^]*expected {2}'dynamic', a number above 0 that float32 holds/,
      );
    }
    model.dispose();
  });
});
