import { describe, expect, it } from '@jest/globals';
import { tf } from '../../src/engine/tfjs.js';
import { BaseCallback } from '../../src/callbacks/callback.js';
import { layers } from '../../src/layers/layers.js';
import { sequential } from '../../src/model/sequential.js';
import { LAYER_QUANTITIES, WEIGHT_QUANTITIES, type ProbeRequest } from '../../src/training/probe-contract.js';
import { useTestEngine } from '../helpers/engine.js';
import { heard } from '../helpers/heard.js';

/** A kernel of 1.1 MiB: constants above 1 MiB are warned of. */
const UNITS = 540;

/** Asks for all that a probe can measure. */
class Everything extends BaseCallback {
  override get probeRequest(): ProbeRequest {
    return { every: 1, weights: WEIGHT_QUANTITIES, layers: LAYER_QUANTITIES, histograms: true, microBatches: 2 };
  }
}

const CASES: [string, object, BaseCallback[]?][] = [
  ['plain', {}],
  ['accumulation', { accumulateSteps: 2 }],
  ['accumulation under a gate', { accumulateSteps: 2, lossScale: 'dynamic' }],
  ['every clip', { spikeProtection: {}, centralizeGradients: true, clip: { adaptive: 0.1 }, logGradientNorms: true }],
  ['noise', { gradientNoise: { eta: 0.1 } }],
  ['averages and slow weights', { weightAverage: { decay: 0.9 }, lookahead: { every: 2 } }],
  ['an equal average', { weightAverage: { kind: 'equal', startAfter: 1, every: 2, overwriteEvery: 2 } }],
  ['bfloat16', { precision: 'mixed_bfloat16', accumulateSteps: 2 }],
  ['checkpoints', { checkpoint: 'all', accumulateSteps: 2 }],
  ['probes', { accumulateSteps: 2 }, [new Everything()]],
];

describe('a recorded step holds no constant of the size of a weight', () => {
  useTestEngine();

  it.each(CASES)('%s', async (_name, options, callbacks = []) => {
    const { made: model, warnings } = heard(() =>
      sequential([layers.dense({ units: UNITS, activation: 'relu', inputShape: [UNITS] }), layers.dense({ units: 1 })]),
    );
    model.compile({ optimizer: 'adam', loss: 'meanSquaredError', execution: 'recorded', ...options });
    const [x, y] = [tf.ones([8, UNITS]), tf.ones([8, 1])];
    await model.fit(x, y, { batchSize: 2, verbose: 0, callbacks });
    expect(warnings).toEqual([]);
    tf.dispose([x, y]);
    model.dispose();
  });
});
