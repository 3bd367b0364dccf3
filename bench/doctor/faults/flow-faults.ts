import { Adam, integers, LambdaCallback, layers, normal, SGD, tf, type Tensor, type WeightSnapshot } from 'adjoint';
import { classes, clouds, digits, floats, wave, type Labelled } from '../data.js';
import type { Draw } from '../draw.js';
import { classifier, compiled, perceptron, regressor } from '../networks.js';
import { ends, lastOf, stuckWithin, type Setup, type SuiteCase } from '../suite-case.js';
import { FirstChannels, HostLargest, OwnNorm } from './faulty-layers.js';
import { CodeOutside, RunningMean, ZeroedTooEarly } from './faulty-steps.js';

const disposed = /dispos/i;

function images(draw: Draw, rows: number): Labelled {
  const { x, y } = digits(draw, rows);
  return { x: { ...x, shape: [rows, 28, 28, 1] }, y };
}

/** Texts of noise with one word in each, at any place, that tells its class. */
function keywords(draw: Draw, rows: number, length: number, features: number, count: number): Labelled {
  const words = normal(draw.key('words'), count * features);
  const noise = normal(draw.key('noise'), rows * length * features);
  const labels = integers(draw.key('labels'), rows, 0, count);
  const places = integers(draw.key('places'), rows, 0, length);
  const values = noise.map((value, i) => {
    const [row, place] = [Math.floor(i / (length * features)), Math.floor(i / features) % length];
    const word = place === places[row] ? 1.2 * words[labels[row]! * features + (i % features)]! : 0;
    return word + 0.7 * value;
  });
  return { x: floats(values, rows, length, features), y: classes(labels) };
}

/** Gradients that do not come, or not as they should, from loss to weights. */
export const flowFaults: readonly SuiteCase[] = [
  {
    name: 'layer normalisation whose rule has a difference the wrong way round',
    cause: 'wrong-sign-gradient',
    half: 'closing',
    make: (draw) => {
      const width = draw.whole('width', 24, 48);
      const chain = [
        layers.dense({ units: width, activation: 'tanh' }),
        layers.dense({ units: draw.whole('narrow', 3, 4) }),
        new OwnNorm(),
        layers.dense({ units: 6 }),
      ];
      const optimizer = new SGD({ learningRate: draw.scale('sgd', 0.1, 0.2), momentum: 0.9 });
      return {
        model: classifier(draw, chain, { optimizer }),
        ...clouds(draw, 1024, 12, 6, 1),
        options: { epochs: 8, batchSize: 32 },
      };
    },
    shows: stuckWithin(0.1),
  },
  {
    name: 'a code that is computed outside of minimize',
    cause: 'too-much-detach',
    half: 'closing',
    make: (draw) => {
      const model = new CodeOutside([draw.whole('width', 24, 48), draw.whole('code', 4, 8)]);
      compiled(model, draw, {});
      return { model, ...wave(draw, 1024, 8), options: { epochs: 8, batchSize: 32 } };
    },
    // With its encoder learning, too, it comes below 0.1.
    shows: (outcome) => outcome.error === null && ends(outcome).last > 0.2,
  },
  {
    name: 'the largest activations of a text, picked by a sort in JavaScript',
    cause: 'non-differentiable-op',
    half: 'closing',
    make: (draw) => {
      const count = draw.whole('classes', 6, 8);
      const chain = [
        layers.dense({ units: draw.whole('filters', 4, 6), activation: 'relu' }),
        new HostLargest(draw.whole('largest', 1, 2)),
        layers.dense({ units: draw.whole('width', 16, 32), activation: 'relu' }),
        layers.dense({ units: count }),
      ];
      return {
        model: classifier(draw, chain, {
          optimizer: new Adam({ learningRate: draw.scale('adam', 5e-3, 0.01) }),
        }),
        ...keywords(draw, 640, draw.whole('length', 6, 9), 32, count),
        options: { epochs: 8, batchSize: 32 },
      };
    },
    // A net that picks them with topk comes below that.
    shows: (outcome) => outcome.error === null && ends(outcome).last > 0.6,
  },
  {
    name: 'a sum of micro-batches that is zeroed and then read stale',
    cause: 'unzeroed-gradients',
    half: 'closing',
    make: (draw) => {
      const model = new ZeroedTooEarly(8, draw.whole('width', 16, 32), draw.pick('parts', [2, 4]));
      compiled(model, draw, { optimizer: new SGD({ learningRate: draw.scale('sgd', 0.02, 0.05) }) });
      return { model, ...wave(draw, 1024, 8), options: { epochs: 8, batchSize: 32 } };
    },
    shows: ({ error, history }) => {
      const losses = history['loss'] ?? [];
      return error === null && (losses.at(-1)! > 1.3 * Math.min(...losses) || losses.at(-1)! > 0.8 * losses[0]!);
    },
  },
  {
    name: 'a callback that keeps the best weights, with its comparison the wrong way round',
    cause: 'overwritten-tensor',
    half: 'closing',
    make: (draw) => {
      const model = regressor(draw, perceptron([draw.whole('width', 24, 48), 16, 1]), {
        optimizer: new Adam({ learningRate: draw.scale('adam', 1e-3, 2e-3) }),
      });
      const { x, y } = wave(draw, 1024, 8);
      const fit = { epochs: 8, batchSize: 32, verbose: 0 } as const;
      const run: Setup['run'] = async (_, callbacks) => {
        let best = { loss: Infinity, weights: undefined as WeightSnapshot | undefined };
        const keepBest = new LambdaCallback({
          onTrainBegin: (training) => {
            best.weights = training.readWeights();
          },
          onEpochEnd: (_, logs, training) => {
            if (logs['loss']! > best.loss) best = { loss: logs['loss']!, weights: training.readWeights() };
            else training.writeWeights(best.weights!);
          },
        });
        await model.fit(x, y, { ...fit, callbacks: [...callbacks, keepBest] });
      };
      return { model, x, y, options: fit, run };
    },
    // Every epoch learns, and the next one begins where it began.
    shows: (outcome) => stuckWithin(0.1)(outcome) && outcome.steps.at(-1)! < 0.8 * outcome.steps[0]!,
  },
  {
    name: 'a loss with factors that were disposed too early',
    cause: 'overwritten-tensor',
    half: 'closing',
    make: (draw) => {
      const outputs = draw.whole('outputs', 2, 4);
      const factors = tf.linspace(0.5, 1.5, outputs);
      const model = regressor(draw, perceptron([draw.whole('width', 16, 40), outputs], { activation: 'gelu' }), {
        loss: (labels: Tensor, predictions: Tensor) =>
          tf.mean(tf.mul(factors, tf.abs(tf.sub(labels, predictions))), -1),
      });
      const { x } = wave(draw, 512, outputs);
      factors.dispose();
      return { model, x, y: x, options: { epochs: 4, batchSize: 32 } };
    },
    shows: ({ error }) => error !== null && disposed.test(error.message),
    refusal: disposed,
  },
  {
    name: 'a running mean of which every term is a function still',
    cause: 'growing-graph',
    half: 'closing',
    make: (draw) => {
      const model = new RunningMean(draw.whole('width', 8, 20), draw.real('share', 0.05, 0.2));
      compiled(model, draw, { execution: 'eager' });
      return { model, ...wave(draw, 32 * draw.whole('steps', 56, 72), 6), options: { epochs: 1, batchSize: 32 } };
    },
    shows: ({ error, steps, tensorsKept }) => error === null && tensorsKept >= steps.length,
  },
  {
    name: 'channels that are dropped once and for all',
    cause: 'frozen-dropout',
    half: 'closing',
    make: (draw) => {
      const { x, y } = images(draw, 480);
      const chain = [
        layers.conv2d({ filters: draw.whole('filters', 8, 12), kernelSize: 5, strides: 2, activation: 'relu' }),
        layers.maxPooling2d({ poolSize: 2 }),
        new FirstChannels(draw.real('rate', 0.25, 0.5), draw.whole('maskSeed', 1, 1000)),
        layers.flatten(),
        layers.dense({ units: 10 }),
      ];
      return { model: classifier(draw, chain), x, y, options: { epochs: 6, batchSize: 32, validationData: [x, y] } };
    },
    // On the very rows of training, all channels together do worse than those that were kept.
    shows: (outcome) => lastOf(outcome, 'val_loss') > lastOf(outcome, 'loss'),
  },
];
