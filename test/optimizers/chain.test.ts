import { describe, expect, it } from '@jest/globals';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { applyTransforms } from '../../src/optimizers/chain.js';
import type { GradientTransform, TensorsByPath } from '../../src/optimizers/gradient-transform.js';
import { useTestEngine } from '../helpers/engine.js';

useTestEngine();

const each = (name: string, change: (gradient: Tensor, weight: Tensor) => Tensor): GradientTransform => ({
  name,
  transform: (gradients, weights) =>
    new Map([...gradients].map(([path, gradient]) => [path, change(gradient, weights.get(path)!)])),
});

/** The values of `a`, which starts as [1, 2] and whose weight is [10, 20], after the transforms. */
function run(transforms: readonly GradientTransform[]): number[] {
  return tf.tidy(() => {
    const gradients: TensorsByPath = new Map([['a', tf.tensor1d([1, 2])]]);
    const weights: TensorsByPath = new Map([['a', tf.tensor1d([10, 20])]]);
    return Array.from(applyTransforms(transforms, gradients, weights).get('a')!.dataSync());
  }) as unknown as number[];
}

describe('a chain of gradient transforms', () => {
  it('runs in order, each on the result of the one before', () => {
    const double = each('double', (gradient) => gradient.mul(2));
    const addWeight = each('addWeight', (gradient, weight) => gradient.add(weight));
    expect(run([])).toEqual([1, 2]);
    expect(run([double, addWeight])).toEqual([12, 24]);
    expect(run([addWeight, double])).toEqual([22, 44]);
  });

  it('names the transform that drops, adds or reshapes a gradient', () => {
    const faults: [GradientTransform, object][] = [
      [{ name: 'drop', transform: () => new Map() }, { received: 'none' }],
      [each('sum', (gradient) => gradient.sum()), { received: 'shape []' }],
      [
        { name: 'add', transform: (gradients) => new Map([...gradients, ['b', tf.scalar(1)]]) },
        { received: 'one more, for "b"' },
      ],
    ];
    for (const [transform, expected] of faults) {
      let error: unknown;
      try {
        run([transform]);
      } catch (caught) {
        error = caught;
      }
      expect(error).toMatchObject({
        kind: 'transform-result',
        where: `gradient transform "${transform.name}"`,
        ...expected,
      });
    }
  });
});
