import { expect, it } from '@jest/globals';
import type { Tensor } from '../../src/engine/tfjs.js';
import { BaseLayer } from '../../src/layers/base-layer.js';
import { Layer } from '../../src/layers/declarations.js';
import { useTestEngine } from '../helpers/engine.js';
import { losses, makeModel } from '../helpers/footgun.js';

@Layer('test/asynchronous')
class Asynchronous extends BaseLayer {
  call(x: Tensor): Tensor {
    const later = async (): Promise<Tensor> => {
      await x.data();
      throw new Error('nobody hears this');
    };
    return later() as unknown as Tensor;
  }
}

useTestEngine();

it.each(['auto', 'recorded', 'eager'] as const)('an async call is refused by name under %s', async (execution) => {
  const unheard: unknown[] = [];
  const listen = (error: unknown): void => void unheard.push(error);
  process.on('unhandledRejection', listen);
  const { model, warnings } = makeModel(execution, () => new Asynchronous({ name: 'guilty' }));
  await expect(losses(model)).rejects.toThrow(
    /SetupError \[call-result\] layer "guilty" \(Asynchronous\)[^]*a promise[^]*make call\(\) synchronous/,
  );
  expect(warnings).toEqual([]);
  await new Promise((resolve) => setTimeout(resolve, 20));
  process.off('unhandledRejection', listen);
  expect(unheard).toEqual([]);
  model.dispose();
});
