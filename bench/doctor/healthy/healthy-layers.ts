import {
  BaseLayer,
  BaseModel,
  Child,
  initializers,
  integers,
  Layer,
  layers,
  Model,
  SGD,
  tf,
  Weight,
  type CallContext,
  type Tensor,
  type WeightHandle,
} from 'adjoint';
import { digits, floats, type Labelled } from '../data.js';
import type { Draw } from '../draw.js';
import { classifier, compiled, regressor } from '../networks.js';
import { fellBy, type SuiteCase } from '../suite-case.js';
import { driftingSequences, Recurrence } from './recurrence.js';

/** A vector for each word, from a table that was learnt elsewhere. */
@Layer('suite/frozen-embedding')
class FrozenEmbedding extends BaseLayer {
  constructor(
    readonly words: number,
    readonly width: number,
  ) {
    super({ trainable: false });
  }

  @Weight<FrozenEmbedding>((layer) => ({
    shape: [layer.words, layer.width],
    initializer: initializers.randomNormal({ standardDeviation: 1 }),
  }))
  table!: WeightHandle;

  call(x: Tensor): Tensor {
    return tf.mean(tf.gather(this.table.value, tf.cast(x, 'int32')), 1);
  }
}

/** Encodes by a kernel and decodes by the same one, transposed. */
@Model('suite/tied-autoencoder')
class TiedAutoencoder extends BaseModel {
  @Child() encoder: ReturnType<typeof layers.dense>;

  constructor(code: number) {
    super();
    this.encoder = layers.dense({ units: code, activation: 'relu' });
  }

  call(x: Tensor, context: CallContext): Tensor {
    const code = this.encoder.call(x, context);
    return tf.matMul(code, this.encoder.kernel.value, false, true);
  }
}

/** Texts as numbers of words, which each count for a number of their own. */
function texts(draw: Draw, rows: number, length: number, words: number): Labelled {
  const drawn = integers(draw.key('words'), rows * length, 0, words);
  const y = Float32Array.from({ length: rows }, (_, row) => {
    const own = drawn.slice(row * length, (row + 1) * length);
    return own.reduce((sum, word) => sum + Math.cos(1.3 * word), 0) / Math.sqrt(length);
  });
  return { x: { values: drawn, shape: [rows, length], dtype: 'int32' }, y: floats(y, rows, 1) };
}

export const healthyLayers: readonly SuiteCase[] = [
  {
    name: 'a frozen embedding below a small head',
    cause: null,
    half: 'closing',
    make: (draw) => {
      const words = draw.whole('words', 30, 50);
      const chain = [
        new FrozenEmbedding(words, draw.whole('embedding', 32, 48)),
        layers.dense({ units: 32, activation: 'relu' }),
        layers.dense({ units: 1 }),
      ];
      return { model: regressor(draw, chain), ...texts(draw, 1200, 6, words), options: { epochs: 8, batchSize: 32 } };
    },
    shows: fellBy(0.4),
  },
  {
    name: 'an autoencoder that decodes with its encoder, transposed',
    cause: null,
    half: 'closing',
    make: (draw) => {
      const { x } = digits(draw, 600);
      const model = compiled(new TiedAutoencoder(draw.whole('code', 24, 48)), draw, { loss: 'meanSquaredError' });
      return { model, x, y: x, options: { epochs: 8, batchSize: 32 } };
    },
    shows: fellBy(0.4),
  },
  {
    name: 'a recurrence whose gradients are clipped weight by weight',
    cause: null,
    half: 'closing',
    make: (draw) => {
      const start = initializers.randomNormal({ standardDeviation: 0.1 });
      const chain = [new Recurrence(draw.whole('units', 20, 32), start, tf.tanh), layers.dense({ units: 4 })];
      return {
        model: classifier(draw, chain, {
          optimizer: new SGD({ learningRate: 0.1, momentum: 0.9 }),
          clip: { norm: draw.real('norm', 0.1, 0.2) },
          logGradientNorms: true,
        }),
        ...driftingSequences(draw, 800, draw.whole('length', 10, 14), 5, 4),
        options: { epochs: 6, batchSize: 32 },
      };
    },
    // In the first epoch most of the gradients are cut down.
    shows: (outcome) =>
      fellBy(0.4)(outcome) && outcome.history['clippedGradientNorm']![0]! < 0.7 * outcome.history['gradientNorm']![0]!,
  },
  {
    name: 'convolutions with seven tenths of their features dropped',
    cause: null,
    half: 'closing',
    make: (draw) => {
      const rows = 480;
      const { x, y } = digits(draw, rows);
      const chain = [
        layers.conv2d({ filters: draw.whole('filters', 12, 16), kernelSize: 5, strides: 3, activation: 'relu' }),
        layers.flatten(),
        layers.dropout({ rate: draw.real('rate', 0.65, 0.75) }),
        layers.dense({ units: 10 }),
      ];
      return {
        model: classifier(draw, chain),
        x: { ...x, shape: [rows, 28, 28, 1] },
        y,
        options: { epochs: 10, batchSize: 32 },
      };
    },
    shows: fellBy(0.3),
  },
];
