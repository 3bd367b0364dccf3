import { Adam, BinaryCrossentropy, initializers, layers, SGD } from 'adjoint';
import { clouds } from '../data.js';
import { images } from '../images.js';
import { classifier, compiled, logitLoss } from '../networks.js';
import { Pairs, pairsOfKinds } from '../pairs.js';
import { ends, guesses, stuckWithin, type SuiteCase } from '../suite-case.js';
import { GatedConvolution, Prototypes, RefinedCode } from './faulty-models.js';

/** What comes through a network, forwards or backwards, as nothing, as far too much, or turned round. */
export const signalFaults: readonly SuiteCase[] = [
  {
    name: 'distances to prototypes whose backward pass forgot a minus',
    cause: 'wrong-sign-gradient',
    half: 'closing',
    make: (draw) => {
      const count = draw.whole('classes', 4, 7);
      const chain = [layers.dense({ units: draw.whole('width', 6, 10), activation: 'tanh' }), new Prototypes(count)];
      const optimizer = new SGD({ learningRate: draw.scale('sgd', 3e-3, 0.01) });
      return {
        model: classifier(draw, chain, { optimizer }),
        ...clouds(draw, 1024, 12, count, 1),
        options: { epochs: 6, batchSize: 32 },
      };
    },
    shows: stuckWithin(0),
  },
  {
    name: 'convolutions with gates that begin shut, and nothing carried past them',
    cause: 'saturation',
    half: 'closing',
    make: (draw) => {
      const bias = -draw.real('bias', 13, 17);
      const chain = [
        new GatedConvolution(draw.whole('filters', 6, 10), 5, 3, bias),
        layers.flatten(),
        layers.dense({ units: 10 }),
      ];
      const optimizer = new SGD({ learningRate: draw.scale('sgd', 0.05, 0.1) });
      return {
        model: classifier(draw, chain, { optimizer }),
        ...images(draw, 480),
        options: { epochs: 6, batchSize: 32 },
      };
    },
    shows: guesses(10),
  },
  {
    name: 'relus behind logarithms of probabilities',
    cause: 'dead-relu',
    half: 'closing',
    make: (draw) => {
      const count = draw.whole('classes', 5, 7);
      const chain = [
        layers.dense({ units: draw.whole('width', 24, 48), activation: 'relu' }),
        layers.dense({ units: draw.whole('topics', 12, 24), activation: 'logSoftmax' }),
        layers.activation({ activation: 'relu' }),
        layers.dense({ units: count }),
      ];
      return {
        model: classifier(draw, chain),
        ...clouds(draw, 1024, 12, count),
        options: { epochs: 6, batchSize: 32 },
      };
    },
    shows: guesses(5),
  },
  {
    name: 'kernels of convolutions drawn for their channels and not for their area',
    cause: 'exploding-initialisation',
    half: 'closing',
    make: (draw) => {
      const filters = draw.whole('filters', 6, 10);
      const kernelInitializer = initializers.randomNormal({ standardDeviation: Math.sqrt(2 / filters) });
      const tower = Array.from({ length: draw.whole('depth', 5, 7) }, () =>
        layers.conv2d({ filters, kernelSize: 5, padding: 'same', activation: 'relu', kernelInitializer }),
      );
      const chain = [
        layers.conv2d({ filters, kernelSize: 4, strides: 4, activation: 'relu', kernelInitializer }),
        ...tower,
        layers.globalAveragePooling2d(),
        layers.dense({ units: 10 }),
      ];
      return { model: classifier(draw, chain), ...images(draw, 320), options: { epochs: 4, batchSize: 32 } };
    },
    shows: ({ steps }) => !(steps[0]! < 100),
  },
  {
    name: 'a code refined many times over by one cell',
    cause: 'vanishing-depth',
    half: 'closing',
    make: (draw) => {
      const count = draw.whole('classes', 5, 7);
      const model = new RefinedCode(
        draw.whole('width', 20, 36),
        draw.whole('times', 18, 26),
        draw.real('scale', 0.12, 0.25),
        count,
      );
      compiled(model, draw, {
        loss: logitLoss(),
        metrics: ['accuracy'],
        optimizer: new SGD({ learningRate: draw.scale('sgd', 0.03, 0.06), momentum: 0.9 }),
      });
      return { model, ...clouds(draw, 768, 12, count), options: { epochs: 5, batchSize: 32 } };
    },
    shows: guesses(5),
  },
  {
    name: 'a stopGradient meant for one side of a pair that stands on both',
    cause: 'too-much-detach',
    half: 'closing',
    make: (draw) => {
      const model = new Pairs(draw.whole('width', 24, 40), draw.whole('code', 3, 4), 'both');
      const optimizer = new Adam({ learningRate: draw.scale('adam', 3e-3, 5e-3) });
      compiled(model, draw, { loss: new BinaryCrossentropy({ fromLogits: true }), metrics: [], optimizer });
      return {
        model,
        ...pairsOfKinds(draw, 1280, 24, draw.whole('kinds', 3, 5)),
        options: { epochs: 8, batchSize: 32 },
      };
    },
    // With a gradient for one of the sides it comes below that.
    shows: (outcome) => outcome.error === null && ends(outcome).last > 0.55,
  },
];
