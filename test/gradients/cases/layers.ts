import { tf, type Tensor } from '../../../src/engine/tfjs.js';
import { withVariableReads } from '../../../src/engine/variable-reads.js';
import type { BaseLayer, LayerInput } from '../../../src/layers/base-layer.js';
import { CallContext } from '../../../src/layers/call-context.js';
import type { LayerOptions } from '../../../src/layers/layer-options.js';
import { layerTable } from '../../../src/layers/layer-table.js';
import { layers } from '../../../src/layers/layers.js';
import type { WeightHandle } from '../../../src/layers/weight-handle.js';
import { floats } from '../../helpers/kernel-case.js';
import type { GradientCase, TensorFunction } from '../gradient-case.js';

type AnyLayer = BaseLayer<LayerOptions, LayerInput>;

interface Spec {
  readonly what?: string;
  readonly make: () => AnyLayer;
  readonly inputs: () => Tensor[];
  /** Whether it takes a list of inputs. */
  readonly list?: boolean;
  readonly training?: boolean;
  /** Of inputs and weights, in the ops that tf.layers runs. */
  readonly plain: TensorFunction | null;
}

const rows = (): Tensor => floats([3, 4], 1.5);
const image = (): Tensor => floats([2, 4, 4, 2]);

const SPECS: Readonly<Record<string, readonly Spec[]>> = {
  activation: [
    { make: () => layers.activation({ activation: 'tanh' }), inputs: () => [rows()], plain: (x) => tf.tanh(x!) },
  ],
  add: [
    {
      make: () => layers.add() as AnyLayer,
      inputs: () => [rows(), floats([3, 4], 1, 0.5)],
      list: true,
      plain: (a, b) => tf.add(a!, b!),
    },
  ],
  batchNormalization: [
    {
      what: 'training',
      make: () => layers.batchNormalization({}),
      inputs: () => [image()],
      training: true,
      plain: (x, scale, offset) => {
        const { mean, variance } = tf.moments(x!, [0, 1, 2]);
        return tf.batchNorm(
          x as tf.Tensor4D,
          mean as tf.Tensor1D,
          variance as tf.Tensor1D,
          offset as tf.Tensor1D,
          scale as tf.Tensor1D,
          1e-3,
        );
      },
    },
    { what: 'inference', make: () => layers.batchNormalization({}), inputs: () => [image()], plain: null },
  ],
  conv2d: [
    {
      make: () => layers.conv2d({ filters: 2, kernelSize: 3, padding: 'same', activation: 'tanh' }),
      inputs: () => [image()],
      plain: (x, kernel, bias) => tf.tanh(tf.add(tf.conv2d(x as tf.Tensor4D, kernel as tf.Tensor4D, 1, 'same'), bias!)),
    },
    {
      what: 'dilated',
      make: () => layers.conv2d({ filters: 2, kernelSize: 2, dilationRate: 2 }),
      inputs: () => [image()],
      plain: null,
    },
  ],
  dense: [
    {
      make: () => layers.dense({ units: 3, activation: 'relu' }),
      inputs: () => [rows()],
      plain: (x, kernel, bias) => tf.relu(tf.add(tf.matMul(x as tf.Tensor2D, kernel as tf.Tensor2D), bias!)),
    },
  ],
  dropout: [{ make: () => layers.dropout({ rate: 0.25 }), inputs: () => [rows()], training: true, plain: null }],
  flatten: [{ make: () => layers.flatten(), inputs: () => [image()], plain: (x) => tf.reshape(x!, [2, -1]) }],
  globalAveragePooling2d: [
    { make: () => layers.globalAveragePooling2d(), inputs: () => [image()], plain: (x) => tf.mean(x!, [1, 2]) },
  ],
  maxPooling2d: [
    {
      make: () => layers.maxPooling2d(),
      inputs: () => [image()],
      plain: (x) => tf.maxPool(x as tf.Tensor4D, 2, 2, 'valid'),
    },
  ],
  reshape: [
    {
      make: () => layers.reshape({ targetShape: [2, 2] }),
      inputs: () => [rows()],
      plain: (x) => tf.reshape(x!, [3, 2, 2]),
    },
  ],
  residual: [
    {
      make: () => layers.residual({ body: layers.dense({ units: 4, activation: 'sigmoid' }) }),
      inputs: () => [rows()],
      plain: (x, kernel, bias) =>
        tf.add(x!, tf.sigmoid(tf.add(tf.matMul(x as tf.Tensor2D, kernel as tf.Tensor2D), bias!))),
    },
  ],
  stochasticDepth: [
    { make: () => layers.stochasticDepth({ rate: 0.25 }), inputs: () => [rows()], training: true, plain: null },
  ],
};

/** Factories without a spec: each must have one. */
export function layersWithoutCase(): string[] {
  return Object.keys(layerTable).filter((name) => !(name in SPECS));
}

/** Each built-in layer, by its inputs and its trained weights. */
export function layerCases(): GradientCase[] {
  return Object.keys(layerTable).flatMap((name) => (SPECS[name] ?? []).map((spec) => layerCase(name, spec)));
}

function layerCase(name: string, { what, make, inputs, list = false, training = false, plain }: Spec): GradientCase {
  const layer = make();
  const feed = (at: readonly Tensor[]): LayerInput => (list ? at : at[0]!);
  let count = 0;
  const handles = (): WeightHandle[] => weightsOf(layer).filter(({ trainable }) => trainable);
  return {
    kind: 'layer',
    name: what === undefined ? name : `${name}, ${what}`,
    point: 'away',
    inputs: () => {
      const given = inputs();
      count = given.length;
      const context = new CallContext({ training });
      layer.call(feed(given), context);
      context.dispose();
      const weights = handles().map(({ shape }, i) => floats([...shape] as number[], 0.75, 0.1 + 0.05 * i));
      return [...given, ...weights];
    },
    fn: (...at) => {
      const reads = new Map(handles().map((handle, i) => [handle.variable, at[count + i]!]));
      const context = new CallContext({ training, seed: 3 });
      const output = withVariableReads(reads, () => layer.call(feed(at.slice(0, count)), context));
      context.dispose();
      return output;
    },
    plain,
  };
}

function weightsOf(layer: AnyLayer): readonly WeightHandle[] {
  return [...layer.ownWeights, ...layer.children().flatMap(([, child]) => weightsOf(child))];
}
