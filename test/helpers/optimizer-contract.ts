import { describe, expect, it } from '@jest/globals';
import { optionsClassOf } from '../../src/core/declaration.js';
import { OptionsError } from '../../src/core/errors.js';
import { optionNames } from '../../src/core/parse-options.js';
import { startEngine } from '../../src/engine/start-engine.js';
import { tf } from '../../src/engine/tfjs.js';
import type { BaseOptimizer } from '../../src/optimizers/base-optimizer.js';
import type { OptimizerOptions } from '../../src/optimizers/optimizer-options.js';
import type { ComposedUpdate } from './composed-updates.js';
import { numbersOf, wave, withRig, type HostTensors, OptimizerRig } from './optimizer-rig.js';

/** Fused and composed updates round in another order: a few units in float32's last place, over a few steps. */
const FUSED_TOLERANCE = 1e-6;
/** How near the minimum of the bowl counts as there, relative to how far away the start was. */
const BOWL_TOLERANCE = 1e-2;
const BOWL_STEPS = 400;

const SHAPES = { 'body/kernel': [5, 3], 'body/bias': [3], 'head/filter': [2, 2, 3], 'head/gain': [] } as const;

export interface OptimizerContract<O extends OptimizerOptions> {
  /** Valid sets of options, without functions or regular expressions; each is tested. */
  readonly options: readonly Partial<O>[];
  /** For every public field, values that must be refused. */
  readonly refused: { readonly [K in keyof Required<O>]: readonly unknown[] };
  /** The update in elementary ops. */
  readonly composed: (options: O) => ComposedUpdate;
  /** A learning rate with which a bowl of moderate curvature is descended within a few hundred steps. */
  readonly bowlLearningRate: number;
}

/** What every optimizer must do; called once per class, inside a test file with a running engine. */
export function optimizerContract<O extends OptimizerOptions>(
  optimizerClass: new (options?: Partial<O>) => BaseOptimizer<O>,
  contract: OptimizerContract<O>,
): void {
  const { name } = optimizerClass;

  describe(`${name}: options`, () => {
    it('come back as they were given, also through JSON', () => {
      for (const given of [{}, ...contract.options]) {
        const { options } = new optimizerClass(given as Partial<O>);
        expect({ ...options, ...given }).toEqual({ ...options });
        expect(Object.isFrozen(options)).toBe(true);
        expect({ ...new optimizerClass(JSON.parse(JSON.stringify(options)) as Partial<O>).options }).toEqual({
          ...options,
        });
      }
    });

    it('are refused by name, each of them', () => {
      expect(Object.keys(contract.refused).sort()).toEqual([...optionNames(optionsClassOf(optimizerClass))].sort());
      for (const [field, values] of Object.entries(contract.refused) as [string, readonly unknown[]][]) {
        expect(values.length).toBeGreaterThan(0);
        for (const value of values) {
          const error = errorOf(() => new optimizerClass({ [field]: value } as unknown as Partial<O>));
          expect(error).toMatchObject({ kind: 'invalid-option', where: `option "${field}" of optimizer ${name}` });
        }
      }
    });

    it('that do not exist are refused with the nearest name', () => {
      const error = errorOf(() => new optimizerClass({ learningrate: 1 } as unknown as Partial<O>));
      expect(error).toMatchObject({ kind: 'unknown-option', fix: 'did you mean "learningRate"?' });
    });

    it('give a learning rate that can be set, to what makes sense', () => {
      const optimizer = new optimizerClass();
      expect(optimizer.learningRate).toBe(optimizer.options.learningRate);
      for (const rate of [0, 0.25]) {
        optimizer.learningRate = rate;
        expect(optimizer.learningRate).toBe(rate);
      }
      for (const bad of [NaN, Infinity, -1, '0.1', null]) {
        const error = errorOf(() => (optimizer.learningRate = bad as number));
        expect(error).toMatchObject({ kind: 'invalid-option', where: `learningRate of optimizer ${name}` });
      }
      expect(optimizer.learningRate).toBe(0.25);
    });
  });

  describe(`${name}: update`, () => {
    it('by fused kernels equals the composed one', () => {
      for (const given of contract.options) {
        const optimizer = new optimizerClass(given);
        withRig(optimizer, host(0), (rig) => {
          const reference = composedRun(optimizer, contract.composed(optimizer.options), 4);
          for (let step = 1; step <= 4; step++) rig.step(host(step));
          for (const path of Object.keys(SHAPES)) {
            expect(relativeError(rig.weight(path), reference.weights[path]!)).toBeLessThan(FUSED_TOLERANCE);
            for (const [slot, variable] of Object.entries(rig.state.slotsOf(path))) {
              const expected = reference.slots[`${path}/${slot}`]!;
              expect(relativeError(numbersOf(variable), expected)).toBeLessThan(FUSED_TOLERANCE);
            }
          }
        });
      }
    });

    it('finds the bottom of a bowl', () => {
      for (const given of contract.options) {
        const optimizer = new optimizerClass({
          ...given,
          learningRate: contract.bowlLearningRate,
          ...withoutDecay(given),
        });
        withRig(optimizer, { w: { shape: [6], values: wave(6, 1) } }, (rig) => {
          const bottom = wave(6, 2);
          const away = () => Math.hypot(...rig.weight('w').map((w, i) => w - bottom[i]!));
          const start = away();
          for (let step = 0; step < BOWL_STEPS; step++) {
            optimizer.learningRate = contract.bowlLearningRate * (1 - step / BOWL_STEPS);
            rig.step({
              w: { shape: [6], values: rig.weight('w').map((w, i) => (0.5 + i / 5) * (w - bottom[i]!)) },
            });
          }
          expect(away()).toBeLessThan(BOWL_TOLERANCE * start);
        });
      }
    });

    it('leaves every bit alone where the gate is false, whatever the gradients hold', () => {
      for (const given of contract.options) {
        withRig(new optimizerClass(given), withOddZeros(host(0)), (rig) => {
          for (const warm of [0, 2]) {
            for (let step = 1; step <= warm; step++) rig.step(host(step));
            for (const bad of [NaN, Infinity, -Infinity, 3e38, 1]) {
              const before = rig.bits();
              rig.step(filled(bad), false);
              expect(rig.bits()).toEqual(before);
            }
          }
          expect(numbersOf(rig.state.iterations)).toEqual([2]);
        });
      }
    });

    it('gives the same bits with a true gate as without one', () => {
      for (const given of contract.options) {
        const run = (finite: true | null) =>
          withRig(new optimizerClass(given), withOddZeros(host(0)), (rig) => {
            for (let step = 1; step <= 3; step++) rig.step(host(step), finite);
            return rig.bits();
          });
        expect(run(true)).toEqual(run(null));
      }
    });

    it('recorded gives the bits that it gives eagerly', async () => {
      for (const given of contract.options) {
        for (const gated of [false, true]) {
          const optimizer = new optimizerClass(given);
          const gates = [null, null, null].map((_, i) => (gated ? i !== 1 : null));
          const eager = withRig(optimizer, withOddZeros(host(0)), (rig) => {
            gates.forEach((gate, i) => {
              optimizer.learningRate = 0.01 / (i + 1);
              rig.step(host(i + 1), gate);
            });
            return rig.bits();
          });
          const rig = new OptimizerRig(optimizer, withOddZeros(host(0)));
          const step = rig.recordedStep(host(1), gated ? true : null);
          for (const [i, gate] of gates.entries()) {
            optimizer.learningRate = 0.01 / (i + 1);
            await step.run(host(i + 1), gate);
          }
          expect(rig.bits()).toEqual(eager);
          step.dispose();
          rig.dispose();
        }
      }
    });

    it('goes on after a skipped step as if it had not been', () => {
      for (const given of contract.options) {
        const run = (skip: boolean) =>
          withRig(new optimizerClass(given), host(0), (rig) => {
            for (let step = 1; step <= 3; step++) {
              if (skip) rig.step(filled(NaN), false);
              rig.step(host(step), skip ? true : null);
            }
            return rig.bits();
          });
        expect(run(true)).toEqual(run(false));
      }
    });
  });

  describe(`${name}: state`, () => {
    it('belongs to the path, not to the position', () => {
      for (const given of contract.options) {
        const run = (order: (entries: [string, HostTensors[string]][]) => [string, HostTensors[string]][]) =>
          withRig(new optimizerClass(given), Object.fromEntries(order(Object.entries(host(0)))), (rig) => {
            for (let step = 1; step <= 2; step++) rig.step(Object.fromEntries(order(Object.entries(host(step)))));
            return { bits: rig.bits(), names: rig.state.entries().map(([entry]) => entry) };
          });
        const forward = run((entries) => entries);
        expect(run((entries) => entries.reverse())).toEqual(forward);
      }
    });

    it('of a weight without a gradient stays', () => {
      for (const given of contract.options) {
        withRig(new optimizerClass(given), host(0), (rig) => {
          rig.step(host(1));
          const before = rig.bits();
          rig.step({ 'body/bias': host(2)['body/bias']! });
          const changed = Object.entries(rig.bits()).filter(([key, bits]) => String(bits) !== String(before[key]));
          expect(changed.map(([key]) => key).filter((key) => !/^scalars|^iterations/.test(key))).toEqual(
            ['body/bias', ...Object.keys(rig.state.slotsOf('body/bias')).map((slot) => `slots/body/bias/${slot}`)].sort(
              byBirth(Object.keys(before)),
            ),
          );
        });
      }
    });

    it('leaks nothing: not while stepping, not after dispose', () => {
      const { counters } = startEngine();
      const live = () => {
        const { tensors, handles, variables } = counters();
        return { tensors, handles, variables };
      };
      for (const given of contract.options) {
        const empty = live();
        withRig(new optimizerClass(given), host(0), (rig: OptimizerRig) => {
          const made = live();
          expect(made.variables - empty.variables).toBe(rig.weights.size + rig.state.entries().length);
          for (const finite of [null, true, false]) {
            rig.step(host(1), finite);
            expect(live()).toEqual(made);
          }
        });
        expect(live()).toEqual(empty);
      }
    });
  });
}

/** Decay pulls away from the bottom of the bowl, which is right and not what is asked here. */
function withoutDecay(given: object): object {
  return 'weightDecay' in given ? { weightDecay: 0 } : {};
}

function byBirth(names: readonly string[]) {
  return (a: string, b: string) => names.indexOf(a) - names.indexOf(b);
}

/** Values for every weight; phase 0 makes weights, later ones gradients. */
function host(phase: number): HostTensors {
  return Object.fromEntries(
    Object.entries(SHAPES).map(([path, shape], i) => {
      const values = wave(tf.util.sizeFromShape([...shape]), 10 * phase + i);
      return [path, { shape, values }];
    }),
  );
}

/** Negative zeros and subnormal numbers among the weights: masking by factors would change them. */
function withOddZeros(weights: HostTensors): HostTensors {
  const kernel = weights['body/kernel']!;
  return { ...weights, 'body/kernel': { ...kernel, values: [-0, -0, 1e-42, -1e-42, ...kernel.values.slice(4)] } };
}

function filled(value: number): HostTensors {
  return Object.fromEntries(
    Object.entries(host(9)).map(([path, { shape, values }]) => [
      path,
      { shape, values: values.map((old, i) => (i % 2 === 0 ? value : old)) },
    ]),
  );
}

function composedRun(optimizer: BaseOptimizer, update: ComposedUpdate, steps: number) {
  const weights: Record<string, number[]> = {};
  const slots: Record<string, number[]> = {};
  for (const [path, { shape, values }] of Object.entries(host(0))) {
    tf.tidy(() => {
      let weight = tf.tensor(values, [...shape]);
      let current = Object.fromEntries(
        Object.entries(optimizer.slots()).map(([slot, value]) => [slot, tf.fill([...shape], value)]),
      );
      for (let step = 1; step <= steps; step++) {
        const gradient = tf.tensor(host(step)[path]!.values, [...shape]);
        const { learningRate } = optimizer;
        const result = update({ path, weight, gradient, slots: current, learningRate, step });
        weight = result.weight;
        current = { ...result.slots };
      }
      weights[path] = Array.from(weight.dataSync());
      for (const [slot, tensor] of Object.entries(current)) slots[`${path}/${slot}`] = Array.from(tensor.dataSync());
    });
  }
  return { weights, slots };
}

/** The largest difference, relative to the largest expected magnitude. */
export function relativeError(actual: readonly number[], expected: readonly number[]): number {
  expect(actual).toHaveLength(expected.length);
  const scale = Math.max(...expected.map(Math.abs), Number.MIN_VALUE);
  const worst = Math.max(...actual.map((value, i) => Math.abs(value - expected[i]!) / scale));
  return Number.isNaN(worst) ? Infinity : worst;
}

function errorOf(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(OptionsError);
    return error;
  }
  return undefined;
}
