import { describe, expect, it } from '@jest/globals';
import '../../src/container.js';
import { OptionsError } from '../../src/core/errors.js';
import { diagnose } from '../../src/debug/diagnose.js';
import { labelShuffleCheck } from '../../src/debug/label-shuffle-check.js';
import { overfitBatch } from '../../src/debug/overfit-batch.js';
import { layers } from '../../src/layers/layers.js';
import { sequential } from '../../src/model/sequential.js';
import { useTestEngine } from '../helpers/engine.js';
import { rejectionOf } from '../helpers/models.js';

type Untyped = (...given: readonly unknown[]) => Promise<unknown>;

describe.each([
  ['diagnose', diagnose as Untyped],
  ['overfitBatch', overfitBatch as Untyped],
  ['labelShuffleCheck', labelShuffleCheck as Untyped],
])('%s', (name, look) => {
  useTestEngine();
  const fix = `write ${name}(model, x, y)`;

  it.each([[{}], [undefined], [null], ['digits'], [layers.dense({ units: 1 })]])(
    'refuses %p as a model',
    async (given) => {
      const error = await rejectionOf(look(given, [[1]], [[1]]));
      expect(error).toBeInstanceOf(OptionsError);
      expect(error).toMatchObject({ kind: 'not-a-model', where: name, fix });
      expect(error).toMatchObject({ expected: expect.stringContaining('model'), received: expect.any(String) });
    },
  );

  it.each([[undefined], [null]])('refuses %p as data', async (x) => {
    const model = sequential([layers.dense({ units: 1 })]);
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
    const error = await rejectionOf(look(model, x));
    expect(error).toBeInstanceOf(OptionsError);
    expect(error).toMatchObject({ kind: 'no-data', where: `${name} of ${model.describe()}`, received: String(x), fix });
    expect(model.built).toBe(false);
    model.dispose();
  });
});
