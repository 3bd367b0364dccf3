import { describe, expect, it } from '@jest/globals';
import { biasAdd } from '../../../src/autodiff/ops/bias-add.js';
import { fusedBatchNorm } from '../../../src/autodiff/ops/fused-batch-norm.js';
import { withPath } from '../../../src/core/path-scope.js';
import { engine } from '../../../src/engine/start-engine.js';
import { dataTypeName } from '../../../src/engine/ffi/data-types.js';
import { inFloat32, withPrecision } from '../../../src/engine/precision/mixed-precision.js';
import type { Precision } from '../../../src/engine/precision/precision-names.js';
import { opPrecision, setOpPrecision } from '../../../src/engine/precision/precision-table.js';
import { recordGraph, RecordedFunction } from '../../../src/engine/record/recorded-function.js';
import { tf, type Tensor } from '../../../src/engine/tfjs.js';
import { useTestEngine } from '../../helpers/engine.js';

useTestEngine();

const nowhere = () => false;
const typeOf = (tensor: Tensor): string => {
  const { backend } = engine();
  return dataTypeName(backend.binding.trueType(backend.nativeId(tensor)));
};
const floats = (shape: number[]) =>
  tf.tensor(
    Array.from({ length: tf.util.sizeFromShape(shape) }, (_, i) => Math.sin(1.7 * i + 0.3)),
    shape,
  );

/** A few ops of each kind, and the types of what they give. */
function network(x: Tensor, kernel: Tensor, bias: Tensor): Tensor[] {
  const product = tf.matMul(x as never, kernel as never) as Tensor;
  const activated = tf.relu(tf.add(product, bias));
  return [product, activated, tf.sum(activated, 1), tf.softmax(activated), tf.add(x, 1)];
}

describe.each<[Precision, string]>([
  ['mixed_bfloat16', 'bfloat16'],
  ['mixed_float16', 'float16'],
])('%s', (precision, half) => {
  it('runs products in half precision, lets others follow, and sums in float32', () => {
    tf.tidy(() => {
      const made = withPrecision(precision, nowhere, () => network(floats([3, 4]), floats([4, 5]), floats([5])));
      expect(made.map(typeOf)).toEqual([half, half, 'float32', 'float32', 'float32']);
    });
  });

  it('is near float32, and not equal to it', () => {
    tf.tidy(() => {
      const run = (chosen: Precision) =>
        withPrecision(chosen, nowhere, () => network(floats([3, 4]), floats([4, 5]), floats([5]))[1]!).dataSync();
      const [exact, rounded] = [run('float32'), run(precision)];
      const distance = Math.max(...exact.map((value, i) => Math.abs(value - rounded[i]!)));
      // bfloat16 keeps 8 bits, float16 11; the values are below 4.
      expect(distance).toBeLessThan(precision === 'mixed_bfloat16' ? 0.05 : 0.005);
      expect(distance).toBeGreaterThan(0);
    });
  });

  it('rounds alike eagerly and recorded', async () => {
    const inputs = [floats([3, 4]), floats([4, 5]), floats([5])] as const;
    const fn = () => tf.tidy(() => withPrecision(precision, nowhere, () => network(...inputs).slice(0, 3)));
    const eager = fn();
    const recorded = RecordedFunction.record('mixed', inputs, fn);
    const made = await recorded.call(inputs);
    expect(made.map(typeOf)).toEqual(eager.map(typeOf));
    for (const [i, tensor] of made.entries()) expect(tensor.dataSync()).toEqual(eager[i]!.dataSync());
    recorded.dispose();
    tf.dispose([...inputs, ...eager, ...made]);
  });

  it('leaves layers in float32 that a predicate names, and what inFloat32 runs', () => {
    tf.tidy(() => {
      const [x, kernel] = [floats([3, 4]), floats([4, 5])];
      const product = () => tf.matMul(x as never, kernel as never) as Tensor;
      const types = withPrecision(
        precision,
        (path) => path === 'head',
        () => [withPath('head', product), withPath('body', product), inFloat32(product)].map(typeOf),
      );
      expect(types).toEqual(['float32', half, 'float32']);
    });
  });

  it('normalises batches in half precision, with statistics in float32', () => {
    tf.tidy(() => {
      const types = withPrecision(precision, nowhere, () => {
        const images = tf.conv2d(floats([2, 3, 3, 4]) as never, floats([1, 1, 4, 4]) as never, 1, 'same') as Tensor;
        const made = fusedBatchNorm({ x: images, scale: tf.ones([4]), offset: tf.zeros([4]), epsilon: 1e-3 });
        return [images, made.y, made.mean, made.variance].map(typeOf);
      });
      expect(types).toEqual([half, half, 'float32', 'float32']);
    });
  });
});

describe('sums', () => {
  it('of a hundred thousand terms are right where they stand in a chain in half precision: the gradient of a bias', () => {
    tf.tidy(() => {
      const terms = 100_000;
      const cotangent = tf.add(tf.sin(tf.range(0, terms)), 0.01);
      const [exact, found] = (['float32', 'mixed_bfloat16'] as const).map((precision) =>
        withPrecision(precision, nowhere, () => {
          const x = tf.matMul(tf.ones([terms, 1]), tf.ones([1, 1]));
          const gradient = tf.grad((bias) => tf.sum(tf.mul(biasAdd(x, bias), tf.reshape(cotangent, [terms, 1]))));
          return gradient(tf.zeros([1])).dataSync()[0]!;
        }),
      );
      // Each term is rounded to 2^-9 of itself, either way; a sum in bfloat16 would stop growing at a few hundred.
      expect(Math.abs(found! - exact!)).toBeLessThan(0.005 * exact!);
      expect(exact).toBeGreaterThan(900);
    });
  });
});

describe('kernels that are slow in half precision on a CPU', () => {
  const curve = (): string =>
    tf.tidy(() =>
      withPrecision('mixed_bfloat16', nowhere, () => {
        const product = tf.matMul(floats([3, 4]) as never, floats([4, 5]) as never) as Tensor;
        return typeOf(tf.tanh(product));
      }),
    );

  it('run in float32, unless a rule says otherwise', () => {
    expect(curve()).toBe('float32');
    const rule = setOpPrecision('Tanh', 'follows');
    expect(curve()).toBe('bfloat16');
    rule.remove();
    expect(curve()).toBe('float32');
  });
});

describe('casts in a recorded graph', () => {
  it('take a truth value straight to half precision', () => {
    const inputs = [floats([4, 4])] as const;
    const [x] = inputs;
    const graph = recordGraph(inputs, () =>
      tf.tidy(() =>
        withPrecision('mixed_bfloat16', nowhere, () => {
          const square = tf.matMul(x as never, x as never) as Tensor;
          return [tf.mul(square, tf.cast(tf.greater(x, 0), 'float32'))];
        }),
      ),
    );
    const casts = graph.nodes.filter(({ op }) => op === 'Cast');
    const types = casts.map(({ inputs: [input], outputs }) =>
      [input!.node.outputs[0]!.type, outputs[0]!.type].map(dataTypeName).join(' to '),
    );
    expect(types).toEqual(['float32 to bfloat16', 'bool to bfloat16']);
    tf.dispose([...inputs]);
  });

  it('are shared, and fall away where a number comes back from float32', () => {
    const inputs = [floats([4, 4])] as const;
    const [x] = inputs;
    const graph = recordGraph(inputs, () =>
      tf.tidy(() =>
        withPrecision('mixed_bfloat16', nowhere, () => {
          const square = tf.matMul(x as never, x as never) as Tensor;
          return [tf.add(tf.relu(square), tf.neg(square))];
        }),
      ),
    );
    // One cast of x, for both sides of the product.
    expect(graph.nodes.filter(({ op }) => op === 'Cast')).toHaveLength(1);
    tf.dispose([...inputs]);
  });
});

describe('the table', () => {
  it('is extended and brought back', () => {
    expect(opPrecision('Erf')).toBe('float32');
    const rule = setOpPrecision('Erf', 'follows');
    expect(opPrecision('Erf')).toBe('follows');
    rule.remove();
    expect(opPrecision('Erf')).toBe('float32');
  });

  it('refuses other words', () => {
    expect(() => setOpPrecision('Erf', 'double' as never)).toThrow(/invalid-option/);
  });
});
