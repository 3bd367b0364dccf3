import { LambdaCallback, layers, SGD, tf } from 'adjoint';
import { clouds, digits, wave } from '../data.js';
import { classifier, compiled, perceptron, regressor } from '../networks.js';
import { refusedWith, stuckWithin, type Outcome, type Setup, type SuiteCase } from '../suite-case.js';
import {
  CachedScale,
  Collector,
  FreedTable,
  Keeper,
  OwnContext,
  OwnSums,
  SeededDropout,
  StaleWrite,
  summedGradients,
  SummingDescent,
  WholePast,
} from './broken-state.js';

const ran: SuiteCase['shows'] = ({ error }) => error === null;
/** Every batch so far is kept, and run again. */
const piles: SuiteCase['shows'] = ({ error, steps, tensorsKept }) => error === null && tensorsKept >= steps.length;

/** The loss swings up again, or goes nowhere. */
function swings({ history }: Outcome): boolean {
  const losses = history['loss']!;
  return !(losses.at(-1)! <= 1.3 * Math.min(...losses)) || !(losses.at(-1)! < 0.8 * losses[0]!);
}

const disposed = /dispos/i;

export const stateFaults: readonly SuiteCase[] = [
  {
    name: 'a transform that sums gradients of all steps',
    cause: 'unzeroed-gradients',
    half: 'first',
    make: (draw) => {
      const optimizer = new SGD({ learningRate: draw.scale('sgd', 0.02, 0.05) });
      const model = classifier(draw, perceptron([draw.whole('width', 24, 48), 6]), {
        optimizer,
        gradientTransforms: [summedGradients()],
      });
      return { model, ...clouds(draw, 1024, 12, 6, 1), options: { epochs: 8, batchSize: 32 } };
    },
    shows: swings,
  },
  {
    name: 'a step of its own whose sums are never set back',
    cause: 'unzeroed-gradients',
    half: 'first',
    make: (draw) => {
      const model = new OwnSums();
      compiled(model, draw, { optimizer: new SGD({ learningRate: draw.scale('sgd', 0.02, 0.05) }) });
      return { model, ...wave(draw, 1024, 8), options: { epochs: 8, batchSize: 32 } };
    },
    shows: swings,
  },
  {
    name: 'an optimizer that sums gradients of all steps',
    cause: 'unzeroed-gradients',
    half: 'closing',
    make: (draw) => {
      const optimizer = new SummingDescent({ learningRate: draw.scale('sgd', 0.01, 0.04) });
      const model = regressor(draw, perceptron([draw.whole('width', 24, 48), 1]), { optimizer });
      return { model, ...wave(draw, 1024, 8), options: { epochs: 8, batchSize: 32 } };
    },
    shows: swings,
  },
  {
    name: 'weights written over by what they were before',
    cause: 'overwritten-tensor',
    half: 'closing',
    make: (draw) => {
      const model = new StaleWrite(draw.whole('width', 16, 40));
      compiled(model, draw, { optimizer: new SGD({ learningRate: 0.05 }) });
      return { model, ...wave(draw, 1024, 8), options: { epochs: 6, batchSize: 32 } };
    },
    shows: ran,
  },
  {
    name: 'a callback that sets old weights back',
    cause: 'overwritten-tensor',
    half: 'first',
    make: (draw) => {
      const model = classifier(draw, perceptron([draw.whole('width', 16, 40), 5]));
      const { x, y } = clouds(draw, 1024, 10, 5);
      const fit = { epochs: 4, batchSize: 32, verbose: 0 } as const;
      const run: Setup['run'] = async (_, callbacks) => {
        model.build([null, 10], draw.seed);
        const saved = model.getWeights();
        const restoring = new LambdaCallback({ onBatchEnd: () => model.setWeights(saved) });
        await model.fit(x, y, { ...fit, callbacks: [...callbacks, restoring] });
        tf.dispose(saved);
      };
      return { model, x, y, options: fit, run };
    },
    shows: stuckWithin(0.02),
  },
  {
    name: 'a layer that caches what the step frees',
    cause: 'overwritten-tensor',
    half: 'first',
    make: (draw) => ({
      model: classifier(draw, [
        layers.dense({ units: draw.whole('width', 16, 40) }),
        new CachedScale(),
        layers.dense({ units: 4 }),
      ]),
      ...clouds(draw, 512, 8, 4),
      options: { epochs: 4, batchSize: 32 },
    }),
    shows: refusedWith(disposed),
    refusal: disposed,
  },
  {
    name: 'a layer whose table is freed during training',
    cause: 'overwritten-tensor',
    half: 'closing',
    make: (draw) => ({
      model: classifier(
        draw,
        [
          layers.dense({ units: draw.whole('width', 16, 40), activation: 'relu' }),
          new FreedTable(draw.whole('after', 8, 20)),
          layers.dense({ units: 4 }),
        ],
        { execution: 'eager' },
      ),
      ...clouds(draw, 1024, 8, 4),
      options: { epochs: 4, batchSize: 32 },
    }),
    shows: refusedWith(disposed),
    refusal: disposed,
  },
  {
    name: 'a state run again from the first batch on',
    cause: 'growing-graph',
    half: 'first',
    make: (draw) => {
      const model = new WholePast(draw.whole('width', 8, 20), 'inputs');
      compiled(model, draw, { execution: 'eager' });
      return { model, ...wave(draw, 32 * draw.whole('steps', 56, 72), 6), options: { epochs: 1, batchSize: 32 } };
    },
    shows: piles,
  },
  {
    name: 'a mean over all states so far',
    cause: 'growing-graph',
    half: 'closing',
    make: (draw) => {
      const model = new WholePast(draw.whole('width', 8, 20), 'states');
      compiled(model, draw, { execution: 'eager' });
      return { model, ...wave(draw, 32 * draw.whole('steps', 56, 72), 6), options: { epochs: 1, batchSize: 32 } };
    },
    shows: piles,
  },
  {
    name: 'dropout by tfjs with a seed',
    cause: 'frozen-dropout',
    half: 'first',
    make: (draw) => ({
      model: classifier(draw, [
        layers.dense({ units: draw.whole('width', 48, 96), activation: 'relu' }),
        new SeededDropout(draw.real('rate', 0.3, 0.6), draw.whole('dropoutSeed', 1, 1000)),
        layers.dense({ units: 10 }),
      ]),
      ...digits(draw, 800),
      options: { epochs: 6, batchSize: 32 },
    }),
    shows: ran,
  },
  {
    name: 'dropout with a context of its own',
    cause: 'frozen-dropout',
    half: 'closing',
    make: (draw) => ({
      model: regressor(draw, [
        layers.dense({ units: draw.whole('width', 48, 96), activation: 'tanh' }),
        new OwnContext(draw.real('rate', 0.2, 0.5), draw.whole('dropoutSeed', 1, 1000)),
        layers.dense({ units: 1 }),
      ]),
      ...wave(draw, 1024, 8),
      options: { epochs: 6, batchSize: 32 },
    }),
    shows: ran,
  },
  {
    name: 'a layer that keeps tensors',
    cause: 'leaking-tensors',
    half: 'first',
    make: (draw) => ({
      model: classifier(
        draw,
        [
          layers.dense({ units: draw.whole('width', 16, 40), activation: 'relu' }),
          new Keeper(draw.whole('count', 1, 3)),
          layers.dense({ units: 4 }),
        ],
        { execution: 'eager' },
      ),
      ...clouds(draw, 1024, 8, 4),
      options: { epochs: 4, batchSize: 32 },
    }),
    shows: ({ tensorsKept }) => tensorsKept >= 64,
  },
  {
    name: 'a step that collects predictions',
    cause: 'leaking-tensors',
    half: 'closing',
    make: (draw) => {
      const model = new Collector(draw.whole('width', 16, 40));
      compiled(model, draw, { execution: 'eager' });
      return { model, ...wave(draw, 1024, 8), options: { epochs: 4, batchSize: 32 } };
    },
    shows: ({ tensorsKept }) => tensorsKept >= 64,
  },
];
