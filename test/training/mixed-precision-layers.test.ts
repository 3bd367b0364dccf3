import { describe, expect, it } from '@jest/globals';
import '../../src/container.js';
import { consoleLogger } from '../../src/core/logger.js';
import { parseOptions } from '../../src/core/parse-options.js';
import { currentServices } from '../../src/core/services.js';
import { DATA_TYPES, dataTypeName } from '../../src/engine/ffi/data-types.js';
import type { GraphNode, RecordedGraph } from '../../src/engine/record/recorded-graph.js';
import { engine } from '../../src/engine/start-engine.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import type { BaseLayer } from '../../src/layers/base-layer.js';
import { layerTable } from '../../src/layers/layer-table.js';
import { layers } from '../../src/layers/layers.js';
import type { BaseModel } from '../../src/model/base-model.js';
import { CompileOptions } from '../../src/model/compile-options.js';
import { compilePlan } from '../../src/model/compile-plan.js';
import { sequential } from '../../src/model/sequential.js';
import { RecordedRunner } from '../../src/training/recorded-runner.js';
import { TrainState } from '../../src/training/train-state.js';
import { useTestEngine } from '../helpers/engine.js';

useTestEngine();

const ROWS = 10;
const scattered = (i: number): number => Math.sin(12.9898 * (i + 1)) * 1.5;
const tensorOf = (shape: number[]): Tensor =>
  tf.tensor(
    Float32Array.from({ length: tf.util.sizeFromShape(shape) }, (_, i) => scattered(i)),
    shape,
  );

/** One small use of each kind, between two layers with kernels; the names of curves stand for activations. */
const KINDS: Record<string, { input: number[]; make: () => BaseLayer[] }> = {
  activation: { input: [6], make: () => [layers.activation({ activation: 'relu' })] },
  add: { input: [6], make: () => [layers.residual({ body: [layers.dense({ units: 8 })] })] },
  batchNormalization: { input: [6], make: () => [layers.batchNormalization()] },
  conv2d: {
    input: [6, 6, 2],
    make: () => [
      layers.conv2d({ filters: 3, kernelSize: 3, activation: 'relu', padding: 'same' }),
      layers.conv2d({ filters: 3, kernelSize: 3, dilationRate: 2 }),
    ],
  },
  dense: { input: [6], make: () => [layers.dense({ units: 5, kernelRegularizer: 'l2' })] },
  dropout: { input: [6], make: () => [layers.dropout({ rate: 0.3 })] },
  flatten: { input: [2, 3, 2], make: () => [] },
  globalAveragePooling2d: { input: [4, 4, 2], make: () => [layers.globalAveragePooling2d()] },
  maxPooling2d: { input: [4, 4, 2], make: () => [layers.maxPooling2d({ poolSize: 2 })] },
  reshape: { input: [6], make: () => [layers.reshape({ targetShape: [2, -1] })] },
  residual: { input: [6], make: () => [layers.residual({ body: [layers.dense({ units: 8, activation: 'relu' })] })] },
  stochasticDepth: { input: [6], make: () => [layers.stochasticDepth({ rate: 0.3 })] },
  ...Object.fromEntries(
    (['elu', 'selu', 'gelu', 'silu', 'sigmoid', 'tanh', 'softplus', 'leakyRelu', 'logSoftmax', 'softmax'] as const).map(
      (activation) => [activation, { input: [6], make: () => [layers.activation({ activation })] }],
    ),
  ),
};

function modelOf(kind: string, options: Partial<CompileOptions> = {}): BaseModel {
  const { input, make } = KINDS[kind]!;
  const isImage = input.length === 3;
  const stem = isImage ? layers.conv2d({ filters: 4, kernelSize: 3, padding: 'same' }) : layers.dense({ units: 8 });
  const model = sequential([stem, ...make(), layers.flatten(), layers.dense({ units: 2 })]);
  model.compile({ optimizer: 'sgd', loss: 'meanSquaredError', seed: 4, ...options });
  model.build([null, ...input]);
  return model;
}

const typeOf = (tensor: Tensor): string => {
  const { backend } = engine();
  return dataTypeName(backend.binding.trueType(backend.nativeId(tensor)));
};

async function gradientsOf(model: BaseModel, x: Tensor, y: Tensor): Promise<number[]> {
  const gradients = Object.values(await model.gradients(x, y)) as Tensor[];
  expect(new Set(gradients.map(typeOf))).toEqual(new Set(['float32']));
  const values = gradients.flatMap((gradient) => Array.from(gradient.dataSync()));
  tf.dispose(gradients);
  return values;
}

const norm = (values: readonly number[]): number => Math.hypot(...values);
const distance = (a: readonly number[], b: readonly number[]): number => norm(a.map((value, i) => value - b[i]!));

/**
 * A dozen roundings to eight bits one after the other, of 2^-9 each at most; a mask, a maximum or a kink that rounding
 * moves would show as more.
 */
const BFLOAT16_TOLERANCE = 0.04;
/** Of numbers that round to the same, max pooling takes the first, which need not be the largest. */
const TIES_TOLERANCE = 0.15;

describe('each kind of layer in mixed_bfloat16', () => {
  it('is here', () => {
    expect(Object.keys(KINDS)).toEqual(expect.arrayContaining(Object.keys(layerTable)));
  });

  it.each(Object.keys(KINDS))('%s: gradients near those of float32, alike eagerly and recorded', async (kind) => {
    const { input } = KINDS[kind]!;
    const [x, y] = [tensorOf([ROWS, ...input]), tensorOf([ROWS, 2])];
    const results: Record<string, { gradients: number[]; losses: readonly number[] }> = {};
    for (const precision of ['float32', 'mixed_bfloat16'] as const) {
      for (const execution of ['eager', 'recorded'] as const) {
        const model = modelOf(kind, { precision, execution });
        const gradients = await gradientsOf(model, x, y);
        const { history } = await model.fit(x, y, { batchSize: ROWS, epochs: 3, verbose: 0, shuffle: false });
        results[`${precision} ${execution}`] = { gradients, losses: history['loss']! };
        model.dispose();
      }
    }
    const single = results['float32 recorded']!;
    const [eager, recorded] = [results['mixed_bfloat16 eager']!, results['mixed_bfloat16 recorded']!];
    const tolerance = kind === 'maxPooling2d' ? TIES_TOLERANCE : BFLOAT16_TOLERANCE;
    expect(distance(recorded.gradients, single.gradients)).toBeLessThan(tolerance * norm(single.gradients));
    expect(recorded.gradients).not.toEqual(single.gradients);
    expect(distance(recorded.losses, eager.losses)).toBeLessThan(BFLOAT16_TOLERANCE * norm(eager.losses));
    expect(distance(recorded.losses, single.losses)).toBeLessThan(BFLOAT16_TOLERANCE * norm(single.losses));
    tf.dispose([x, y]);
  });
});

/** What a fit records for a batch. */
async function recordedStep(model: BaseModel, x: Tensor, y: Tensor): Promise<RecordedGraph> {
  const options = parseOptions(
    CompileOptions,
    { optimizer: 'adam', loss: 'meanSquaredError', precision: 'mixed_bfloat16' },
    'a test',
  );
  const plan = compilePlan(options, currentServices(), 'a test');
  const state = new TrainState(model, plan);
  const runner = new RecordedRunner(model, plan, consoleLogger);
  await runner.train(state, [{ x, y, size: x.shape[0]! }], { gated: false, fetchLogs: true });
  const { graph } = [...runner['recordings'].values()][0]!.once;
  runner.dispose();
  state.dispose();
  return graph;
}

const outputType = ({ node, index }: { node: GraphNode; index: number }): number => node.outputs[index]!.type;

describe('the recorded step of a convolutional network', () => {
  const network = (): BaseModel => {
    const model = sequential([
      layers.conv2d({ filters: 8, kernelSize: 3, padding: 'same', activation: 'relu' }),
      layers.residual({
        body: [
          layers.conv2d({ filters: 8, kernelSize: 3, padding: 'same', useBias: false }),
          layers.batchNormalization(),
          layers.activation({ activation: 'relu' }),
          layers.dropout({ rate: 0.2 }),
        ],
      }),
      layers.conv2d({ filters: 8, kernelSize: 3, padding: 'same', activation: 'relu' }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.flatten(),
      layers.dense({ units: 16, activation: 'relu' }),
      layers.dense({ units: 2 }),
    ]);
    model.build([null, 8, 8, 3]);
    return model;
  };

  it('casts at the border alone: what comes in, weights, what the loss takes, and gradients of weights', async () => {
    const model = network();
    const [x, y] = [tensorOf([ROWS, 8, 8, 3]), tensorOf([ROWS, 2])];
    const graph = await recordedStep(model, x, y);
    const casts = graph.nodes.filter(({ op }) => op === 'Cast');
    const large = casts.filter(({ outputs: [output] }) => output!.shape.length === 4 && output!.shape[0] === ROWS);
    // The images and the mask of dropout; cotangents are summed up for the biases' gradients as they are.
    const from = large.map(({ inputs: [input] }) => dataTypeName(outputType(input!)));
    expect(from).toEqual(['float32', 'bool']);
    // Nothing goes to and fro.
    for (const { inputs } of casts) expect(inputs[0]!.node.op).not.toBe('Cast');
    const types = (op: string): string[] =>
      graph.nodes.filter((node) => node.op === op).map((node) => dataTypeName(node.outputs[0]!.type));
    for (const op of ['Conv2DBackpropInput', 'MaxPoolGrad', 'ReluGrad', 'FusedBatchNormV3', 'FusedBatchNormGradV3']) {
      expect(new Set(types(op))).toEqual(new Set(['bfloat16']));
    }
    tf.dispose([x, y]);
    model.dispose();
  });

  it('is fused by TensorFlow as in float32: convolution with bias, product with bias and activation', async () => {
    const model = network();
    const [x, y] = [tensorOf([ROWS, 8, 8, 3]), tensorOf([ROWS, 2])];
    model.compile({ optimizer: 'adam', loss: 'meanSquaredError', precision: 'mixed_bfloat16' });
    const { ops } = await model.profile(x, y);
    const fused = ops.filter(({ op }) => /Fused(Conv2D|MatMul)/.test(op));
    expect(fused.filter(({ op }) => /Conv2D/.test(op))).toHaveLength(2);
    expect(fused.filter(({ op }) => /MatMul/.test(op))).toHaveLength(2);
    tf.dispose([x, y]);
    model.dispose();
  });

  it('adds up the gradients of a weight that is used twice in float32', async () => {
    const shared = layers.dense({ units: 6 });
    const model = sequential([shared, layers.activation({ activation: 'relu' }), shared, layers.dense({ units: 2 })]);
    model.build([null, 6]);
    const [x, y] = [tensorOf([ROWS, 6]), tensorOf([ROWS, 2])];
    const graph = await recordedStep(model, x, y);
    const kernelSums = graph.nodes.filter(
      ({ op, outputs }) =>
        /^Add/.test(op) && String(outputs[0]?.shape) === '6,6' && outputs[0]!.type !== DATA_TYPES.int32,
    );
    expect(kernelSums.length).toBeGreaterThan(0);
    for (const { outputs } of kernelSums) expect(outputs[0]!.type).toBe(DATA_TYPES.float32);
    tf.dispose([x, y]);
    model.dispose();
  });
});
