import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import '../../../src/container.js';
import { OptionsError, SetupError } from '../../../src/core/errors.js';
import { recorded } from '../../../src/engine/record/recorded.js';
import { tf, type Tensor } from '../../../src/engine/tfjs.js';
import { Adam } from '../../../src/optimizers/adam.js';
import { ConstantSchedule } from '../../../src/optimizers/schedules/constant-schedule.js';
import { CosineDecayRestarts } from '../../../src/optimizers/schedules/cosine-decay-restarts.js';
import { CosineDecay } from '../../../src/optimizers/schedules/cosine-decay.js';
import { ExponentialDecay } from '../../../src/optimizers/schedules/exponential-decay.js';
import { InverseTimeDecay } from '../../../src/optimizers/schedules/inverse-time-decay.js';
import { LearningRateSchedule } from '../../../src/optimizers/schedules/learning-rate-schedule.js';
import { OneCycle } from '../../../src/optimizers/schedules/one-cycle.js';
import { PiecewiseConstantDecay } from '../../../src/optimizers/schedules/piecewise-constant-decay.js';
import { PolynomialDecay } from '../../../src/optimizers/schedules/polynomial-decay.js';
import { scheduleTable } from '../../../src/optimizers/schedules/schedule-table.js';
import { StepDecay } from '../../../src/optimizers/schedules/step-decay.js';
import { useTestEngine } from '../../helpers/engine.js';
import { noteEquality } from '../../helpers/note-equality.js';

useTestEngine();

/** A few roundings of float32, relative to the largest rate of the schedule: the cosine of pi cancels. */
const ROUNDING_TOLERANCE = 4e-7;
/** The smallest normal number of float32, below which TensorFlow flushes to 0. */
const SMALLEST = 2 ** -126;
interface Case {
  readonly options: object;
  readonly rates: number[];
}

const golden = JSON.parse(readFileSync(new URL('../../golden/schedules.json', import.meta.url), 'utf8')) as {
  readonly steps: number[];
  readonly cases: (Case & { readonly schedule: string })[];
  readonly oneCycle: Case[];
};

function make(name: string, options: object): LearningRateSchedule<object> {
  return new scheduleTable[name[0]!.toLowerCase() + name.slice(1)]!(options);
}

const without = (options: object, name: string): object =>
  Object.fromEntries(Object.entries(options).filter(([key]) => key !== name));

const CASES = [
  ...golden.cases,
  ...golden.oneCycle.map((one) => ({ schedule: 'OneCycle', ...one })),
  // The whole part of a quotient is what Keras calls a staircase.
  ...golden.cases
    .filter(({ schedule, options }) => schedule === 'ExponentialDecay' && 'staircase' in options)
    .map(({ options, rates }) => ({ schedule: 'StepDecay', options: without(options, 'staircase'), rates })),
  { schedule: 'ConstantSchedule', options: { learningRate: 0.25 }, rates: golden.steps.map(() => 0.25) },
];

/** Other options than defaults, of each schedule. */
const SAMPLES = Object.fromEntries(CASES.map(({ schedule, options }) => [schedule, options]));

function expectNear(
  values: readonly number[],
  rates: readonly number[],
  options: { decaySteps?: number; decayRate?: number },
): void {
  expect(values).toHaveLength(rates.length);
  const largest = Math.max(...rates);
  for (const [i, rate] of rates.entries()) {
    const step = golden.steps[i]!;
    // A rate that spans decades must be right in each; the power of a rounded base is off by as often as it is taken.
    const decays = options.decayRate === undefined ? undefined : step / options.decaySteps!;
    const size = decays === undefined ? largest : rate * (1 + decays);
    const tolerance = ROUNDING_TOLERANCE * size + SMALLEST;
    noteEquality(
      'learning-rate schedules, against Keras (OneCycle: its formula)',
      (Math.abs(values[i]! - rate) / tolerance) * ROUNDING_TOLERANCE,
      ROUNDING_TOLERANCE,
    );
    expect([step, values[i], Math.abs(values[i]! - rate) <= tolerance]).toEqual([step, values[i], true]);
  }
}

describe('rates', () => {
  it('are golden for every schedule there is', () => {
    const names = CASES.map(({ schedule }) => schedule[0]!.toLowerCase() + schedule.slice(1));
    expect(new Set(names)).toEqual(new Set(Object.keys(scheduleTable)));
  });

  it.each(CASES)('$schedule $options are those of the reference', ({ schedule, ...given }) => {
    const made = make(schedule, given.options);
    const values = golden.steps.map((step) => made.valueAt(step));
    expectNear(values, given.rates, given.options);
  });

  it.each(CASES)('$schedule $options recorded are those of eager, from steps of either type', async (given) => {
    const made = make(given.schedule, given.options);
    for (const dtype of ['float32', 'int32'] as const) {
      const graph = recorded((step: Tensor) => [made.at(step)]);
      const values: number[] = [];
      for (const step of golden.steps) {
        const input = tf.scalar(step, dtype);
        const [rate] = (await graph(input)) as Tensor[];
        values.push(rate!.dataSync()[0]!);
        tf.dispose([input, rate!]);
      }
      graph.dispose();
      expectNear(values, given.rates, given.options);
    }
  });

  it('fall and restart at the very step, also where a graph multiplies by a rounded reciprocal', async () => {
    const wrong: string[] = [];
    for (let length = 1; length <= 100; length++) {
      const options = { initialLearningRate: 1, decaySteps: length };
      const restarts = { initialLearningRate: 1, firstDecaySteps: length, alpha: 0.5 };
      const made: [LearningRateSchedule<object>, (lengths: number) => [before: number, at: number]][] = [
        [new StepDecay({ ...options, decayRate: 0.5 }), (n) => [0.5 ** (n - 1), 0.5 ** n]],
        [new ExponentialDecay({ ...options, decayRate: 0.5, staircase: true }), (n) => [0.5 ** (n - 1), 0.5 ** n]],
        [new InverseTimeDecay({ ...options, decayRate: 1, staircase: true }), (n) => [1 / n, 1 / (n + 1)]],
        [new CosineDecayRestarts({ ...restarts, tMul: 1, mMul: 0.5 }), (n) => [NaN, 0.5 + 0.5 ** (n + 1)]],
        [new PolynomialDecay({ ...options, endLearningRate: 0, cycle: true }), (n) => [NaN, n > 0 ? 0 : 1]],
      ];
      const graph = recorded((step: Tensor) => [tf.stack(made.map(([schedule]) => schedule.at(step)))]);
      for (const lengths of [1, 2, 3, 7, 30]) {
        for (const [step, side] of [
          [lengths * length - 1, 0],
          [lengths * length, 1],
        ] as const) {
          const input = tf.scalar(step);
          const [rates] = (await graph(input)) as Tensor[];
          const values = rates!.dataSync();
          tf.dispose([input, rates!]);
          for (const [i, [schedule, expected]] of made.entries()) {
            const rate = expected(lengths)[side];
            if (Math.abs(values[i]! - rate) > 1e-5)
              wrong.push(`${schedule.constructor.name} ${length} at ${step}: ${values[i]}, not ${rate}`);
          }
        }
      }
      graph.dispose();
    }
    expect(wrong).toEqual([]);
  });
});

describe('past its end', () => {
  const FAR = 1e7;

  it.each([
    ['CosineDecay', new CosineDecay({ initialLearningRate: 1, decaySteps: 10, alpha: 0.25 }), 0.25],
    [
      'CosineDecay after a warm-up',
      new CosineDecay({ initialLearningRate: 1, decaySteps: 10, warmupTarget: 2, warmupSteps: 5, alpha: 0.25 }),
      0.5,
    ],
    ['PolynomialDecay', new PolynomialDecay({ initialLearningRate: 1, decaySteps: 7, endLearningRate: 0.125 }), 0.125],
    ['PiecewiseConstantDecay', new PiecewiseConstantDecay({ boundaries: [3], values: [1, 0.5] }), 0.5],
    ['OneCycle', new OneCycle({ maxLearningRate: 1, totalSteps: 10, startDivisor: 4, finalDivisor: 2 }), 0.125],
    ['ExponentialDecay', new ExponentialDecay({ initialLearningRate: 1, decaySteps: 7, decayRate: 0.5 }), 0],
    ['StepDecay', new StepDecay({ initialLearningRate: 1, decaySteps: 7 }), 0],
    ['ConstantSchedule', new ConstantSchedule({ learningRate: 0.5 }), 0.5],
  ])('%s stays at its last value', (_, schedule, value) => {
    expect(schedule.valueAt(FAR)).toBeCloseTo(value, 6);
  });

  it('a polynomial that cycles and restarts go on, within their bounds', () => {
    for (const power of [0.5, 1, 2]) {
      const cycling = new PolynomialDecay({
        initialLearningRate: 1,
        decaySteps: 7,
        endLearningRate: 0.1,
        power,
        cycle: true,
      });
      for (let step = 999_980; step < 1_000_020; step++) {
        const rate = cycling.valueAt(step);
        expect(rate).toBeGreaterThanOrEqual(0.1);
        expect(rate).toBeLessThanOrEqual(1);
      }
    }
  });
});

describe('CosineDecayRestarts', () => {
  // In single precision the logarithm of a power over that of its base misses the whole number at some of these.
  it.each([1.5, 2, 3, 5, 10])('starts each decay at its full height: tMul %p', (tMul) => {
    const schedule = new CosineDecayRestarts({ initialLearningRate: 1, firstDecaySteps: 4, tMul });
    let start = 0;
    for (let i = 0; i < 6; i++) {
      if (Number.isInteger(start)) {
        expect(schedule.valueAt(start)).toBeCloseTo(1, 5);
        if (start > 0) expect(schedule.valueAt(start - 1)).toBeLessThan(0.3);
      }
      start += 4 * tMul ** i;
    }
  });

  it('takes a warm-up', () => {
    const schedule = new CosineDecayRestarts({
      initialLearningRate: 0,
      firstDecaySteps: 4,
      tMul: 1,
      warmupTarget: 1,
      warmupSteps: 4,
    });
    const rates = Array.from({ length: 13 }, (_, step) => schedule.valueAt(step).toFixed(3)).join(' ');
    expect(rates).toBe('0.000 0.250 0.500 0.750 1.000 0.854 0.500 0.146 1.000 0.854 0.500 0.146 1.000');
  });
});

describe('options', () => {
  it.each(Object.entries(SAMPLES))('of %s come back through JSON, and make the schedule again', (name, options) => {
    const schedule = make(name, options);
    expect(Object.isFrozen(schedule.options)).toBe(true);
    const written: unknown = JSON.parse(JSON.stringify(schedule));
    const optimizer = new Adam({ learningRate: written as LearningRateSchedule<object> });
    expect(optimizer.schedule).toBeInstanceOf(schedule.constructor);
    expect({ ...optimizer.schedule!.options }).toEqual({ ...schedule.options });
    expect(optimizer.options.learningRate).toBe(optimizer.schedule);
    const again = new Adam(JSON.parse(JSON.stringify(optimizer.options)) as object);
    expect(again.schedule!.valueAt(3)).toBe(schedule.valueAt(3));
  });

  const start = { initialLearningRate: 0.1 };
  const decay = { ...start, decaySteps: 10 };
  it.each([
    ['ExponentialDecay', { ...start, decayRate: 0.5 }, 'decaySteps', 'a whole number from 1 to 2147483647'],
    ['ExponentialDecay', { ...decay, decaySteps: -5, decayRate: 0.5 }, 'decaySteps', 'a whole number from 1 to'],
    ['ExponentialDecay', { ...decay, decaySteps: 0, decayRate: 0.5 }, 'decaySteps', 'a whole number from 1 to'],
    ['ExponentialDecay', { ...decay, decayRate: 0 }, 'decayRate', 'a finite number above 0'],
    ['InverseTimeDecay', { ...decay, decayRate: -1 }, 'decayRate', 'a finite number of at least 0'],
    ['StepDecay', { ...decay, initialLearningRate: -1 }, 'initialLearningRate', 'a finite number of at least 0'],
    ['PolynomialDecay', { ...decay, power: 0 }, 'power', 'a finite number above 0'],
    ['PolynomialDecay', { ...decay, endLearningRate: NaN }, 'endLearningRate', 'a finite number of at least 0'],
    ['CosineDecay', { ...decay, alpha: 1.5 }, 'alpha', 'a finite number from 0 to 1'],
    ['CosineDecay', { ...decay, alpha: -0.1 }, 'alpha', 'a finite number from 0 to 1'],
    ['CosineDecay', { ...decay, warmupSteps: 5 }, 'warmupSteps', '0, or a warmupTarget beside it'],
    ['CosineDecay', { ...decay, warmupTarget: 1 }, 'warmupSteps', 'at least 1 update in which the rate rises'],
    ['CosineDecay', { ...decay, warmupTarget: 1, warmupSteps: -1 }, 'warmupSteps', 'a whole number of at least 0'],
    ['CosineDecayRestarts', { ...start, firstDecaySteps: 5, tMul: 0.5 }, 'tMul', 'a finite number of at least 1'],
    ['CosineDecayRestarts', { ...start, firstDecaySteps: 5, mMul: 0 }, 'mMul', 'a finite number above 0'],
    [
      'CosineDecayRestarts',
      { ...start, firstDecaySteps: 5, warmupSteps: 2 },
      'warmupSteps',
      'a warmupTarget beside it',
    ],
    ['OneCycle', { maxLearningRate: 1, totalSteps: 1 }, 'totalSteps', 'a whole number of at least 2'],
    ['OneCycle', { maxLearningRate: 1, totalSteps: 10, warmupFraction: 1 }, 'warmupFraction', 'above 0.1 and below 1'],
    [
      'OneCycle',
      { maxLearningRate: 1, totalSteps: 10, warmupFraction: 0.1 },
      'warmupFraction',
      'above 0.1 and below 1',
    ],
    ['OneCycle', { maxLearningRate: 1, totalSteps: 10, anneal: 'sine' }, 'anneal', 'one of "cosine", "linear"'],
    ['PiecewiseConstantDecay', { boundaries: [5, 5], values: [1, 1, 1] }, 'boundaries', 'above the one before it'],
    ['PiecewiseConstantDecay', { boundaries: [9, 5], values: [1, 1, 1] }, 'boundaries', 'above the one before it'],
    ['PiecewiseConstantDecay', { boundaries: [-1], values: [1, 1] }, 'boundaries', 'at least 0'],
    ['PiecewiseConstantDecay', { boundaries: [5], values: [1] }, 'values', '2 values for 1 boundaries'],
    ['PiecewiseConstantDecay', { boundaries: [5], values: [1, -1] }, 'values', 'finite numbers of at least 0'],
  ])('%s refuses %o', (name, options, option, expected) => {
    let error: unknown;
    try {
      make(name, options);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(OptionsError);
    expect(error).toMatchObject({ kind: 'invalid-option', where: `option "${option}" of schedule ${name}` });
    expect((error as OptionsError).expected).toContain(expected);
  });

  it('that do not exist, and names that do not, are refused with the nearest', () => {
    expect(() => make('CosineDecay', { ...decay, warmUpSteps: 5 })).toThrow(/did you mean "warmupSteps"/);
    const named = { name: 'cosinDecay', options: {} } as unknown as LearningRateSchedule<object>;
    expect(() => new Adam({ learningRate: named })).toThrow(/did you mean "cosineDecay"/);
    expect(() => new Adam({ learningRate: {} as LearningRateSchedule<object> })).toThrow(
      /a finite number of at least 0, or a learning-rate schedule/,
    );
  });

  it('valueAt refuses what is no number of updates', () => {
    const schedule = new ConstantSchedule({ learningRate: 1 });
    for (const bad of [-1, 0.5, NaN, Infinity, '5' as unknown as number]) {
      expect(() => schedule.valueAt(bad)).toThrow(/schedule-step.*valueAt of schedule ConstantSchedule/);
    }
  });
});

describe('a schedule of the user', () => {
  it.each([
    ['a number', (() => 0.1) as never, 'received  0.1'],
    ['a tensor of another shape', (() => tf.ones([2])) as never, 'received  float32 [2]'],
    ['a tensor of another type', (() => tf.scalar(1, 'int32')) as never, 'received  int32'],
    ['a promise', (() => Promise.reject(new Error('late'))) as never, 'received  a Promise'],
  ])('that returns %s is refused', (_, at, received) => {
    class Wrong extends LearningRateSchedule {
      at = at as (step: Tensor) => Tensor;
    }
    const error = () => new Wrong().valueAt(1);
    expect(error).toThrow(SetupError);
    expect(error).toThrow(/schedule-result.*at of schedule Wrong/);
    expect(error).toThrow(received);
  });

  it('without a name is used, and not written', () => {
    class Half extends LearningRateSchedule {
      at(): Tensor {
        return tf.scalar(0.5);
      }
    }
    expect(new Adam({ learningRate: new Half() }).learningRate).toBe(0.5);
    expect(() => JSON.stringify(new Half())).toThrow(/not-declared[^]*@Schedule\('app\/half'\)/);
  });
});
