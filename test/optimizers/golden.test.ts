import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { tf } from '../../src/engine/tfjs.js';
import { applyTransforms } from '../../src/optimizers/chain.js';
import { clipTransform } from '../../src/optimizers/clip-options.js';
import { optimizerTable } from '../../src/optimizers/optimizer-table.js';
import { useTestEngine } from '../helpers/engine.js';
import { noteEquality } from '../helpers/note-equality.js';
import { withRig, type HostTensors } from '../helpers/optimizer-rig.js';

useTestEngine();

/** A few roundings of float32 a step, relative to the largest weight of a tensor. */
const ROUNDING_TOLERANCE = 1e-6;
/**
 * Keras takes `1 - beta2` in double precision for the mean square and in float32 for its correction: with beta2 = 0.999
 * each of its Adam steps is off by 6.5e-6 of its size, ours is not.
 */
const KERAS_STEP_TOLERANCE = 7e-6;

type Values = Record<string, number[]>;

interface Golden {
  readonly shapes: Record<string, number[]>;
  readonly initial: Values;
  readonly gradients: Values[];
  readonly cases: {
    optimizer: string;
    options: object;
    clip: object | null;
    trajectory: Values[];
  }[];
}

const golden = JSON.parse(readFileSync(new URL('../golden/optimizers.json', import.meta.url), 'utf8')) as Golden;

function host(values: Values): HostTensors {
  return Object.fromEntries(
    Object.entries(values).map(([path, numbers]) => [path, { shape: golden.shapes[path]!, values: numbers }]),
  );
}

function largest(values: readonly number[]): number {
  return Math.max(...values.map(Math.abs));
}

/** The largest difference of two elements; NaN where there is one, which is below no tolerance. */
function distance(a: readonly number[], b: readonly number[]): number {
  expect(a).toHaveLength(b.length);
  return largest(a.map((value, i) => value - b[i]!));
}

function clipped(gradients: Values, clip: object | null): Values {
  if (clip === null) return gradients;
  return tf.tidy(() => {
    const tensors = new Map(Object.entries(gradients).map(([path, values]) => [path, tf.tensor(values)]));
    const result = applyTransforms([clipTransform(clip)], tensors, new Map());
    return Object.fromEntries([...result].map(([path, tensor]) => [path, Array.from(tensor.dataSync())]));
  });
}

describe('trajectories of Keras', () => {
  it('cover every optimizer and every kind of clipping', () => {
    expect(new Set(golden.cases.map(({ optimizer }) => optimizer))).toEqual(new Set(['sgd', 'adam', 'adamw']));
    const clips = golden.cases.flatMap(({ clip }) => Object.keys(clip ?? {}));
    expect(new Set(clips)).toEqual(new Set(['value', 'norm', 'globalNorm']));
  });

  it.each(golden.cases)('$optimizer $options, clip $clip', ({ optimizer, options, clip, trajectory }) => {
    expect(trajectory).toHaveLength(10);
    withRig(new optimizerTable[optimizer]!(options), host(golden.initial), (rig) => {
      const travelled: Record<string, number> = {};
      for (const [step, expected] of trajectory.entries()) {
        rig.step(host(clipped(golden.gradients[step]!, clip)));
        const before = trajectory[step - 1] ?? golden.initial;
        for (const [path, values] of Object.entries(expected)) {
          travelled[path] = (travelled[path] ?? 0) + distance(values, before[path]!);
          const stepTolerance = optimizer === 'sgd' ? 0 : KERAS_STEP_TOLERANCE;
          const tolerance = ROUNDING_TOLERANCE * largest(values) + stepTolerance * travelled[path];
          const error = distance(rig.weight(path), values);
          if (clip !== null) {
            const size = largest(values);
            noteEquality('clipping and optimizers, against trajectories of Keras', error / size, tolerance / size);
          }
          expect(error).toBeLessThan(tolerance);
        }
      }
    });
  });
});
