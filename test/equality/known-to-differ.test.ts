import { afterAll, describe, expect, it } from '@jest/globals';
import '../../src/container.js';
import { RecordedFunction } from '../../src/engine/record/recorded-function.js';
import { valueAndGradients } from '../../src/autodiff/value-and-gradients.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { withVariableReads } from '../../src/engine/variable-reads.js';
import type { BaseLayer } from '../../src/layers/base-layer.js';
import { CallContext } from '../../src/layers/call-context.js';
import { layers } from '../../src/layers/layers.js';
import { useTestEngine } from '../helpers/engine.js';
import { KNOWN_TO_DIFFER, scattered, STEP_TOLERANCE } from '../helpers/two-modes.js';

useTestEngine();

const matrix = (): Tensor => scattered([64, 784]);
const image = (): Tensor => scattered([32, 28, 28, 4]);
const gradient = (fn: (x: Tensor) => Tensor) => (x: Tensor) => tf.grad((at: Tensor) => tf.sum(tf.square(fn(at))))(x);

/** A layer with weights that are made once. */
function applied(layer: BaseLayer): Operation {
  const run = (x: Tensor): Tensor => {
    const context = new CallContext({ training: true });
    const output = layer.call(x, context);
    context.dispose();
    return output;
  };
  return { run, dispose: () => layer.dispose() };
}

/** The gradient by a layer's weight of that name. */
function byWeight(layer: BaseLayer, name: string): Operation {
  const run = (x: Tensor): Tensor => {
    layer.call(x);
    const handle = layer.ownWeights.find((weight) => weight.name === name)!;
    const value = handle.variable.read();
    const loss = () => withVariableReads(new Map([[handle.variable, value]]), () => tf.sum(tf.square(layer.call(x))));
    return valueAndGradients(loss, [value]).gradients[0]!;
  };
  return { run, dispose: () => layer.dispose() };
}

interface Operation {
  readonly run: (x: Tensor) => Tensor;
  readonly dispose?: () => void;
}

const OPERATIONS: Readonly<Record<string, readonly [input: () => Tensor, make: () => Operation]>> = {
  Softmax: [matrix, () => ({ run: tf.softmax })],
  LogSoftmax: [matrix, () => ({ run: tf.logSoftmax })],
  MatMul: [matrix, () => ({ run: (x) => tf.matMul(x, x, false, true) })],
  _FusedMatMul: [matrix, () => applied(layers.dense({ units: 48, activation: 'relu' }))],
  _FusedConv2D: [image, () => applied(layers.conv2d({ filters: 8, kernelSize: 3, activation: 'relu' }))],
  'Conv2D and its gradient': [
    image,
    () => {
      const layer = layers.conv2d({ filters: 8, kernelSize: 3 });
      return { run: gradient((x) => layer.call(x)), dispose: () => layer.dispose() };
    },
  ],
  BiasAddGrad: [image, () => byWeight(layers.conv2d({ filters: 8, kernelSize: 3 }), 'bias')],
  '_FusedMatMul and the gradient of its bias': [matrix, () => byWeight(layers.dense({ units: 48 }), 'bias')],
  'MatMul and the gradient of its kernel': [
    matrix,
    () => byWeight(layers.dense({ units: 48, activation: 'relu' }), 'kernel'),
  ],
  BatchNormalization: [image, () => applied(layers.batchNormalization({}))],
  'MaxPool and its gradient': [
    image,
    () => ({ run: gradient((x) => tf.maxPool(tf.relu(x) as tf.Tensor4D, 2, 2, 'same')) }),
  ],
  'AvgPool and its gradient': [image, () => ({ run: gradient((x) => tf.avgPool(x as tf.Tensor4D, 2, 2, 'same')) })],
  Gelu: [matrix, () => applied(layers.activation({ activation: 'gelu' }))],
  Sigmoid: [matrix, () => ({ run: gradient(tf.sigmoid) })],
  Mean: [image, () => ({ run: (x) => tf.mean(x, [1, 2]) })],
  Sum: [image, () => ({ run: (x) => tf.sum(x) })],
  Moments: [image, () => ({ run: (x) => tf.moments(x, [0, 1, 2]).variance })],
};

const differing: string[] = [];
afterAll(() => {
  process.stdout.write(
    `${Object.keys(OPERATIONS).length} operations compared; not equal to the bit: ${differing.join(', ') || 'none'}\n`,
  );
});

it('has a comparison for every kernel that is listed', () => {
  for (const name of Object.keys(KNOWN_TO_DIFFER)) expect(Object.keys(OPERATIONS)).toContain(name);
});

describe.each(Object.entries(OPERATIONS))('%s', (name, [input, make]) => {
  const known = name.split(' ')[0]! in KNOWN_TO_DIFFER;
  it(known ? 'agrees up to rounding' : 'agrees to the bit', async () => {
    const { run, dispose } = make();
    const x = input();
    const eager = tf.tidy(() => run(x));
    const recorded = RecordedFunction.record('operation', [x], () => [tf.tidy(() => run(x))]);
    const [other] = await recorded.call([x]);
    const [a, b] = [eager.dataSync(), other!.dataSync()];
    const distance = norm(a.map((value, i) => value - b[i]!)) / norm(a);
    if (distance > 0) differing.push(`${name} ${distance.toExponential(1)}`);
    expect(distance).toBeLessThanOrEqual(known ? STEP_TOLERANCE : 0);
    recorded.dispose();
    tf.dispose([x, eager, other!]);
    dispose?.();
  });
});

function norm(values: ArrayLike<number>): number {
  return Math.sqrt(Array.from(values).reduce((sum, value) => sum + value * value, 0));
}
