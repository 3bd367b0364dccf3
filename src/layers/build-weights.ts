import { ShapeError } from '../core/errors.js';
import { formatShape, type Shape } from '../core/shape.js';
import { RngKey } from '../core/rng-key.js';
import { tf } from '../engine/tfjs.js';
import { Variable } from '../engine/variable.js';
import { resolveInitializer } from '../initializers/resolve-initializer.js';
import { declaredWeights, type WeightSpec } from './declarations.js';
import { givenWeight } from './given-weights.js';
import type { WeightHandle } from './weight-handle.js';

/** Makes the variables of a layer's declared weights; all of them or, on an error, none. */
export function buildWeights(
  layer: { readonly path: string; describe(): string },
  handles: readonly WeightHandle[],
  inputShape: Shape,
  seed: number,
): void {
  const made: { handle: WeightHandle; variable: Variable; spec: WeightSpec }[] = [];
  try {
    for (const [i, { field, factory }] of declaredWeights(layer).entries()) {
      const spec = factory(layer, inputShape);
      if (spec === null) continue;
      const path = layer.path === '' ? field : `${layer.path}/${field}`;
      const shape = spec.shape.map((dimension) => {
        if (typeof dimension === 'number' && Number.isInteger(dimension) && dimension > 0) return dimension;
        throw new ShapeError('weight-shape', {
          where: `weight "${field}" of ${layer.describe()}`,
          expected: 'every dimension a positive whole number',
          received: formatShape(spec.shape.map((d) => d ?? null)),
          fix: `give the input a known last dimension; its shape here is ${formatShape(inputShape)}`,
        });
      });
      const initializer = resolveInitializer(
        spec.initializer ?? 'glorotUniform',
        `weight "${field}" of ${layer.describe()}`,
      );
      const values = givenWeight(path, shape) ?? initializer.values(shape, RngKey.fromSeed(seed, path, 'initial'));
      const initial = tf.tensor(values, shape, 'float32');
      const variable = Variable.create(path, initial);
      initial.dispose();
      made.push({ handle: handles[i]!, variable, spec });
    }
  } catch (error) {
    for (const { variable } of made) variable.dispose();
    throw error;
  }
  for (const { handle, variable, spec } of made) {
    handle.attach(variable);
    handle.trainable = spec.trainable ?? true;
    handle.regularizer = spec.regularizer;
  }
}
