import { afterAll, describe, expect, it } from '@jest/globals';
import '../../src/container.js';
import { engine } from '../../src/engine/start-engine.js';
import { tf } from '../../src/engine/tfjs.js';
import type { CallContext } from '../../src/layers/call-context.js';
import { layers } from '../../src/layers/layers.js';
import { regularizers } from '../../src/layers/regularizers.js';
import { SparseCategoricalCrossentropy } from '../../src/losses/sparse-categorical-crossentropy.js';
import type { BaseModel } from '../../src/model/base-model.js';
import { sequential } from '../../src/model/sequential.js';
import { AdamW } from '../../src/optimizers/adam-w.js';
import { Adam } from '../../src/optimizers/adam.js';
import { SGD } from '../../src/optimizers/sgd.js';
import { useTestEngine } from '../helpers/engine.js';
import { KNOWN_TO_DIFFER, scattered, STEP_TOLERANCE, TwoModes, type TwoModesOptions } from '../helpers/two-modes.js';

useTestEngine();

const STEPS = 50;
/** Every so often a step runs behind the gate, which is another recording. */
const GATED_EVERY = 5;

interface Net extends TwoModesOptions {
  readonly batch: number;
  readonly classes: number;
  /** State that must have moved by the end. */
  readonly moves: readonly RegExp[];
}

const loss = new SparseCategoricalCrossentropy({ fromLogits: true });
/** Least norm for a gradient that is zero but for rounding, next to gradients of about 1, and for what an update makes of it. */
const ZERO_GRADIENT = 1;

const NETS: Readonly<Record<string, Net>> = {
  'the MNIST CNN': {
    model: () =>
      sequential([
        layers.conv2d({ filters: 8, kernelSize: 3, padding: 'same', activation: 'relu' }),
        layers.maxPooling2d({ poolSize: 2 }),
        layers.conv2d({ filters: 16, kernelSize: 3, padding: 'same', activation: 'relu' }),
        layers.maxPooling2d({ poolSize: 2 }),
        layers.flatten(),
        layers.dense({ units: 32, activation: 'relu' }),
        layers.dense({ units: 10, activation: 'logSoftmax' }),
      ]),
    compile: { optimizer: new Adam({ learningRate: 1e-3 }), loss, metrics: ['accuracy'], seed: 1 },
    inputShape: [28, 28, 1],
    batch: 64,
    classes: 10,
    moves: [/conv2d\/kernel/, /dense\/bias/, /iterations/, /random-step/, /accuracy/, /loss\/total/],
  },
  'a net with BatchNorm, Dropout and a residual block': {
    model: () =>
      sequential([
        layers.conv2d({ filters: 8, kernelSize: 3, padding: 'same', name: 'stem' }),
        layers.batchNormalization({}),
        layers.activation({ activation: 'relu' }),
        layers.residual({
          body: [
            layers.conv2d({ filters: 8, kernelSize: 3, padding: 'same', name: 'inner' }),
            layers.batchNormalization({}),
          ],
        }),
        layers.globalAveragePooling2d(),
        layers.dropout({ rate: 0.4, name: 'drop' }),
        layers.dense({ units: 4 }),
      ]),
    compile: { optimizer: new SGD({ learningRate: 0.05, momentum: 0.9, nesterov: true }), loss, metrics: ['accuracy'] },
    inputShape: [12, 12, 3],
    batch: 32,
    classes: 4,
    floors: {
      'stem/bias': ZERO_GRADIENT,
      'inner/bias': ZERO_GRADIENT,
    },
    probe: (model: BaseModel, context: CallContext) => [model.getLayer('drop').call(tf.ones([32, 8]), context)],
    moves: [/movingMean|moving_mean/i, /movingVariance/i, /velocity/, /random-step/],
  },
  'a net with penalties, clipping and decay': {
    model: () =>
      sequential([
        layers.dense({
          units: 24,
          activation: 'gelu',
          kernelRegularizer: regularizers.l1l2({ l1: 1e-4, l2: 1e-3 }),
          activityRegularizer: regularizers.l2({ l2: 1e-3 }),
        }),
        layers.dense({ units: 16, activation: 'selu', kernelRegularizer: 'l2' }),
        layers.dense({ units: 5, activation: 'softmax' }),
      ]),
    compile: {
      optimizer: new AdamW({ learningRate: 3e-3, weightDecay: 0.05 }),
      loss: 'sparseCategoricalCrossentropy',
      metrics: ['accuracy'],
      clip: { globalNorm: 0.5 },
    },
    inputShape: [20],
    batch: 33,
    classes: 5,
    moves: [/dense\/kernel/, /accuracy/],
  },
};

const worst: string[] = [];
afterAll(() => {
  process.stdout.write(`${worst.join('\n')}\nknown to differ: ${Object.keys(KNOWN_TO_DIFFER).join(', ')}\n`);
});

describe.each(Object.entries(NETS))('%s', (name, net) => {
  it(`computes the same in ${STEPS} steps, each from equal states`, async () => {
    const modes = new TwoModes(net);
    const start = modes.read();
    const { functionCalls } = engine().counters();
    let [largest, where] = [0, ''];
    for (let step = 0; step < STEPS; step++) {
      const x = scattered([net.batch, ...net.inputShape], step % 4);
      const y = tf.tidy(() => tf.cast(tf.mod(tf.range(step % 4, net.batch + (step % 4)), net.classes), 'float32'));
      const result = await modes.step({ x, y, size: net.batch }, step % GATED_EVERY === 0);
      tf.dispose([x, y]);
      expect(result.otherBits).toEqual([]);
      expect(result.losses.every(Number.isFinite)).toBe(true);
      for (const [tensor, distance] of result.distances) {
        if (!(distance <= STEP_TOLERANCE)) throw new Error(`step ${step}: ${tensor} is off by ${distance}`);
        if (distance > largest) [largest, where] = [distance, tensor];
      }
    }
    // One for the step, one for its gradients.
    expect(engine().counters().functionCalls - functionCalls).toBe(2 * STEPS);
    worst.push(
      `${name}: ${STEPS} steps, ${modes.stateSize} variables, largest distance ${largest.toExponential(1)} (${where})`,
    );
    const moved = modes.changed(start);
    for (const pattern of net.moves) expect(moved).toContainEqual(expect.stringMatching(pattern));
    modes.dispose();
  });
});
