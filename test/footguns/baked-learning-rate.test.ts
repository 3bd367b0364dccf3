import { expect, it } from '@jest/globals';
import { tf } from '../../src/engine/tfjs.js';
import { BaseOptimizer, type WeightUpdate } from '../../src/optimizers/base-optimizer.js';
import { Optimizer } from '../../src/optimizers/declarations.js';
import { footgunContract, losses, makeModel } from '../helpers/footgun.js';

@Optimizer('test/baking')
class Baking extends BaseOptimizer {
  apply({ variable, gradient }: WeightUpdate): void {
    variable.assignAdd(tf.mul(gradient, -this.learningRate)); // the line
  }
}

footgunContract('an optimizer that reads this.learningRate in apply', {
  optimizer: () => new Baking({ learningRate: 0.01 }),
  kind: 'baked-number',
  received: /learningRate of optimizer Baking read as a JavaScript number/,
  fix: /the learningRate that apply is given, a tensor/,
  file: import.meta.url,
});

@Optimizer('test/fed')
class Fed extends BaseOptimizer {
  apply({ variable, gradient, learningRate }: WeightUpdate): void {
    variable.assignAdd(tf.neg(tf.mul(gradient, learningRate)));
  }
}

it('the tensor that apply is given follows every change of the rate', async () => {
  const optimizer = new Fed({ learningRate: 0 });
  const { model } = makeModel('recorded', undefined, optimizer);
  const [first] = await losses(model, 1);
  expect(await losses(model, 1)).toEqual([first]);
  optimizer.learningRate = 0.05;
  await losses(model, 1);
  expect((await losses(model, 1))[0]).toBeLessThan(first!);
  model.dispose();
});
