import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { valueAndGradients } from '../../src/autodiff/value-and-gradients.js';
import { inFloat64, readFloat64 } from '../../src/engine/float64.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { withVariableReads } from '../../src/engine/variable-reads.js';
import { ACTIVATION_NAMES, resolveActivation } from '../../src/layers/activations.js';
import type { BaseLayer } from '../../src/layers/base-layer.js';
import { batchNormalization } from '../../src/layers/batch-normalization.js';
import { CallContext } from '../../src/layers/call-context.js';
import { conv2d } from '../../src/layers/conv2d.js';
import { dense } from '../../src/layers/dense.js';
import { regularizers } from '../../src/layers/regularizers.js';
import { useTestEngine } from '../helpers/engine.js';

interface Plain {
  readonly shape: number[];
  readonly values: number[];
}
interface Case {
  readonly options: Record<string, never>;
  readonly training?: boolean;
  readonly inputShape: number[];
  readonly output: Plain;
  readonly gradients: Plain[];
  readonly state: Plain[];
}
const golden = JSON.parse(readFileSync(new URL('../golden/layers.json', import.meta.url), 'utf8')) as {
  dense: Case[];
  conv2d: Case[];
  batchNormalization: Case[];
  activity: { penalty: number };
  activations: { points: number[]; values: Record<string, number[]> };
  regularizers: { shape: number[]; l1: number; l2: number; l1l2: number };
};

/** Two float32 implementations that sum in different orders, relative to the largest element. */
const SINGLE_TOLERANCE = 2e-5;
/** Keras holds the slope 0.2 of leakyRelu in float32. */
const DOUBLE_TOLERANCE = 1e-8;

function values(shape: readonly number[], start = 1): Tensor {
  const count = shape.reduce((product, dimension) => product * dimension, 1);
  return tf.tensor(
    Float32Array.from({ length: count }, (_, i) => Math.sin(12.9898 * (i + start))),
    [...shape],
  );
}

function expectClose(actual: ArrayLike<number>, expected: readonly number[], tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  const scale = Math.max(1, ...expected.map(Math.abs));
  const error = Math.max(...expected.map((value, i) => Math.abs(value - actual[i]!)));
  expect(error / scale).toBeLessThan(tolerance);
}

/** Runs a layer as the script does: given weights, output, gradients of the sum of squares, state after the step. */
function compare(layer: BaseLayer, expected: Case): CallContext {
  const context = new CallContext({ training: expected.training ?? false });
  layer.build(expected.inputShape);
  const handles = layer.ownWeights.filter(({ trainable }) => trainable);
  tf.tidy(() => {
    const x = values(expected.inputShape);
    const weights = handles.map(({ shape, name }, i) => tf.add(values(shape, 7 * (i + 1)), name === 'gamma' ? 1 : 0));
    const reads = new Map(handles.map(({ variable }, i) => [variable, weights[i]!]));
    let output: Tensor | undefined;
    const { gradients } = withVariableReads(reads, () =>
      valueAndGradients(() => {
        output = tf.keep(layer.call(x, context));
        return tf.sum(tf.square(output));
      }, [x, ...weights]),
    );
    expect(output!.shape).toEqual(expected.output.shape);
    expectClose(output!.dataSync(), expected.output.values, SINGLE_TOLERANCE);
    output!.dispose();
    expect(gradients.map((gradient) => gradient!.shape)).toEqual(expected.gradients.map(({ shape }) => shape));
    for (const [i, gradient] of gradients.entries()) {
      expectClose(gradient!.dataSync(), expected.gradients[i]!.values, SINGLE_TOLERANCE);
    }
    const state = layer.ownWeights.filter(({ trainable }) => !trainable);
    for (const [i, handle] of state.entries()) {
      expectClose(context.stateOf(handle).dataSync(), expected.state[i]!.values, SINGLE_TOLERANCE);
    }
    expect(context.stateWrites.size).toBe(expected.training === true ? 2 : 0);
  });
  layer.dispose();
  return context;
}

describe('layers give what Keras gives', () => {
  useTestEngine();

  it.each(golden.dense)('dense $options', (expected) => {
    compare(dense(expected.options), expected).dispose();
  });

  it.each(golden.conv2d)('conv2d $options', (expected) => {
    compare(conv2d(expected.options), expected).dispose();
  });

  it.each(golden.batchNormalization)('batchNormalization of $inputShape, training $training', (expected) => {
    compare(batchNormalization({ momentum: 0.9 }), expected).dispose();
  });

  it('an activity penalty is divided by the batch size', () => {
    const layer = dense({ units: 2, activityRegularizer: regularizers.l2({ l2: 0.5 }) });
    layer.build([null, 3]);
    const context = new CallContext();
    tf.tidy(() => {
      layer.kernel.variable.assign(values([3, 2], 7));
      layer.call(values([4, 3]), context);
      expect(context.losses).toHaveLength(1);
      expectClose(context.losses[0]!.dataSync(), [golden.activity.penalty], SINGLE_TOLERANCE);
    });
    layer.dispose();
    context.dispose();
  });

  it.each(ACTIVATION_NAMES)('activation %s, in double precision', (name) => {
    const output = inFloat64(() =>
      tf.tidy(() => {
        const { points } = golden.activations;
        // The points are given to Keras in full, and tfjs rounds what it is given.
        const high = points.map(Math.fround);
        const low = points.map((point, i) => point - high[i]!);
        return resolveActivation(name, 'a test')(tf.add(tf.tensor2d([high]), tf.tensor2d([low])));
      }),
    );
    const actual = readFloat64(output);
    output.dispose();
    const expected = golden.activations.values[name]!;
    for (const [i, value] of expected.entries()) {
      expect(Math.abs(actual[i]! - value)).toBeLessThanOrEqual(DOUBLE_TOLERANCE * Math.max(1, Math.abs(value)));
    }
  });

  it.each(['l1', 'l2', 'l1l2'] as const)('regularizer %s', (name) => {
    const options = { l1: { l1: 0.3 }, l2: { l2: 0.7 }, l1l2: { l1: 0.3, l2: 0.7 } }[name];
    const penalty = tf.tidy(
      () =>
        regularizers[name](options as object)
          .penalty(values(golden.regularizers.shape))
          .dataSync()[0]!,
    );
    expectClose([penalty], [golden.regularizers[name]], SINGLE_TOLERANCE);
  });
});
