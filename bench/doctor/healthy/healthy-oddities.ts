import {
  BaseLayer,
  Dataset,
  initializers,
  integers,
  Layer,
  layers,
  normal,
  SGD,
  tf,
  uniform,
  type CallContext,
  type HostArray,
  type Tensor,
} from 'adjoint';
import { classes, clouds, digits, floats, split, wave, type Labelled } from '../data.js';
import type { Draw } from '../draw.js';
import { classifier, perceptron, regressor } from '../networks.js';
import { ends, fellBy, lastOf, type SuiteCase } from '../suite-case.js';

/** Adds the mean size of what passes to the loss. */
@Layer('suite/sparse-code')
class SparseCode extends BaseLayer {
  constructor(private readonly price: number) {
    super();
  }

  call(x: Tensor, context: CallContext): Tensor {
    context.addLoss(tf.mul(this.price, tf.mean(tf.abs(x))));
    return tf.clone(x);
  }
}

/** Payments, of which a few are frauds: these lie some way off in one direction. */
function payments(draw: Draw, rows: number, features: number, share: number): Labelled {
  const drawn = uniform(draw.key('frauds'), rows);
  const way = normal(draw.key('way'), features);
  const length = Math.hypot(...way);
  const values = normal(draw.key('payments'), rows * features).map((value, i) => {
    const isFraud = drawn[Math.floor(i / features)]! < share;
    return value + (isFraud ? (3.5 * way[i % features]!) / length : 0);
  });
  const frauds = Float32Array.from(drawn, (value) => (value < share ? 1 : 0));
  return { x: floats(values, rows, features), y: floats(frauds, rows, 1) };
}

/** Labels of which a share was drawn anew. */
function carelessly(draw: Draw, { values }: HostArray, count: number, share: number): HostArray {
  const [drawn, others] = [
    uniform(draw.key('careless'), values.length),
    integers(draw.key('others'), values.length, 0, count),
  ];
  return classes(Int32Array.from(values, (label, i) => (drawn[i]! < share ? others[i]! : label)));
}

/** Runs that look as if something were wrong. */
export const healthyOddities: readonly SuiteCase[] = [
  {
    name: 'one fraud among thirty payments, guessed at from the first step',
    cause: null,
    half: 'closing',
    make: (draw) => {
      const share = draw.real('share', 0.025, 0.045);
      const chain = [
        layers.dense({ units: draw.whole('width', 16, 32), activation: 'relu' }),
        layers.dense({
          units: 1,
          activation: 'sigmoid',
          biasInitializer: initializers.constant({ value: Math.log(share / (1 - share)) }),
        }),
      ];
      return {
        model: regressor(draw, chain, { loss: 'binaryCrossentropy', metrics: ['accuracy'] }),
        ...payments(draw, 3000, 8, share),
        options: { epochs: 8, batchSize: 32 },
      };
    },
    shows: fellBy(0.3),
  },
  {
    name: 'noise on every gradient that fades',
    cause: null,
    half: 'closing',
    make: (draw) => ({
      model: regressor(draw, perceptron([draw.whole('width', 24, 48), draw.whole('second', 12, 24), 1]), {
        gradientNoise: { eta: draw.real('eta', 0.01, 0.03) },
        optimizer: new SGD({ learningRate: draw.scale('sgd', 0.02, 0.04), momentum: 0.8 }),
      }),
      ...wave(draw, 1500, 8),
      options: { epochs: 8, batchSize: 32 },
    }),
    shows: fellBy(0.4),
  },
  {
    name: 'examples that get harder from pass to pass',
    cause: null,
    half: 'closing',
    make: (draw) => {
      const [features, count] = [draw.whole('features', 10, 14), draw.whole('classes', 5, 7)];
      const lessons = [0.3, 0.3, 0.8, 0.8, 1.3, 1.3, 1.3, 1.3].map((spread) =>
        clouds(draw, 960, features, count, spread),
      );
      const [, held] = split(clouds(draw, 1200, features, count, 1.3), 960);
      const examples = Dataset.fromIterable(function* (pass: number) {
        const { x, y } = lessons[Math.min(pass, lessons.length - 1)]!;
        for (let row = 0; row < 960; row++) {
          yield { x: x.values.slice(row * features, (row + 1) * features) as Float32Array, y: y.values[row]! };
        }
      }).batch(32);
      return {
        model: classifier(draw, perceptron([draw.whole('width', 32, 64), count])),
        x: examples,
        options: { epochs: lessons.length, validationData: [held.x, held.y] },
      };
    },
    // The loss rises where a harder lesson begins, and falls within the last one; guessing is right one time in five.
    shows: ({ error, history }) => {
      const [losses, held] = [history['loss'] ?? [], history['val_accuracy'] ?? []];
      const rises = losses.some((loss, i) => i > 0 && loss > 1.2 * losses[i - 1]!);
      return error === null && rises && losses.at(-1)! < losses.at(-4)! && held.at(-1)! > 0.5;
    },
  },
  {
    name: 'a wide code that is kept sparse by a penalty',
    cause: null,
    half: 'closing',
    make: (draw) => {
      const chain = [
        layers.dense({ units: draw.whole('code', 192, 256), activation: 'relu' }),
        new SparseCode(draw.scale('price', 0.02, 0.06)),
        layers.dense({ units: 784 }),
      ];
      const { x } = digits(draw, 600);
      return { model: regressor(draw, chain), x, y: x, options: { epochs: 8, batchSize: 32 } };
    },
    shows: fellBy(0.4),
  },
  {
    name: 'a head that learns first, and a body that is set free later',
    cause: null,
    half: 'closing',
    make: (draw) => {
      const rows = 400;
      const { x: rowsOfInk, y } = digits(draw, rows);
      const x: HostArray = { ...rowsOfInk, shape: [rows, 28, 28, 1] };
      const body = [
        layers.conv2d({ filters: draw.whole('filters', 6, 10), kernelSize: 5, strides: 2, activation: 'relu' }),
        layers.conv2d({ filters: 12, kernelSize: 3, strides: 2, activation: 'relu' }),
      ];
      const model = classifier(draw, [...body, layers.flatten(), layers.dense({ units: 10 })]);
      return {
        model,
        x,
        y,
        options: {},
        run: async (_, callbacks) => {
          for (const layer of body) layer.trainable = false;
          await model.fit(x, y, { epochs: 4, batchSize: 32, verbose: 0, callbacks });
          for (const layer of body) layer.trainable = true;
          await model.fit(x, y, { epochs: 8, initialEpoch: 4, batchSize: 32, verbose: 0, callbacks });
        },
      };
    },
    shows: fellBy(0.5),
  },
  {
    name: 'a third of the labels wrong, and those of validation right',
    cause: null,
    half: 'closing',
    make: (draw) => {
      const count = draw.whole('classes', 4, 6);
      const [train, held] = split(clouds(draw, 2200, 12, count), 2000);
      return {
        model: classifier(draw, perceptron([draw.whole('width', 16, 32), count])),
        x: train.x,
        y: carelessly(draw, train.y, count, draw.real('share', 0.3, 0.4)),
        options: { epochs: 6, batchSize: 32, validationData: [held.x, held.y] },
      };
    },
    // What is left is the doubt about careless labels.
    shows: (outcome) => {
      const { first, last } = ends(outcome);
      const learnt = last < first - 0.15 && lastOf(outcome, 'val_accuracy') > 0.85;
      return learnt && lastOf(outcome, 'val_loss') < lastOf(outcome, 'loss');
    },
  },
];
