import { describe, expect, it } from '@jest/globals';
import { AdjointError } from '../../src/core/errors.js';
import { tf } from '../../src/engine/tfjs.js';
import { centralizeGradients } from '../../src/optimizers/centralize-gradients.js';
import { clipAdaptively } from '../../src/optimizers/clip-adaptively.js';
import { clipByGlobalNorm } from '../../src/optimizers/clip-by-global-norm.js';
import { clipByNorm } from '../../src/optimizers/clip-by-norm.js';
import { clipByValue } from '../../src/optimizers/clip-by-value.js';
import { clipTransform } from '../../src/optimizers/clip-options.js';
import { gradientNoise } from '../../src/optimizers/gradient-noise.js';
import type { GradientTransform } from '../../src/optimizers/gradient-transform.js';
import { langevinNoise } from '../../src/optimizers/langevin-noise.js';
import { noiseTransform } from '../../src/optimizers/noise-options.js';
import { onlyFor } from '../../src/optimizers/only-for.js';
import { spikeProtection } from '../../src/optimizers/spike-protection.js';
import { TransformState } from '../../src/optimizers/transform-state.js';
import { Variable } from '../../src/engine/variable.js';
import { useTestEngine } from '../helpers/engine.js';
import { expectClose, FLOAT32_TOLERANCE } from '../helpers/close.js';
import { thrownBy } from '../helpers/models.js';

useTestEngine();

type Host = Readonly<Record<string, { readonly shape: readonly number[]; readonly values: readonly number[] }>>;

const tensorsOf = (host: Host) =>
  new Map(
    Object.entries(host).map(([path, { shape, values }]) => [path, tf.tensor([...values], [...shape], 'float32')]),
  );

/** What a transform without state makes of gradients. */
function run(transform: GradientTransform, gradients: Host, weights: Host = {}): Record<string, number[]> {
  const read: Record<string, number[]> = {};
  tf.tidy(() => {
    for (const [path, tensor] of transform.transform(tensorsOf(gradients), tensorsOf(weights))) {
      read[path] = [...tensor.dataSync()];
    }
  });
  return read;
}

const hypot = (values: readonly number[]): number => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

describe('adaptive clipping', () => {
  /** By the formula, unit by unit, in double precision. */
  function byHand(
    gradient: readonly number[],
    weight: readonly number[],
    units: number,
    limit: number,
    epsilon: number,
  ) {
    const unitOf = (values: readonly number[], unit: number) => values.filter((_, i) => i % units === unit);
    return gradient.map((value, i) => {
      const unit = i % units;
      const most = limit * Math.max(hypot(unitOf(weight, unit)), epsilon);
      const norm = hypot(unitOf(gradient, unit));
      return norm > most ? (value * most) / norm : value;
    });
  }
  const irregular = (count: number, start: number, scale: number) =>
    Array.from({ length: count }, (_, i) => Math.fround(scale * Math.sin(12.9898 * (i + start))));

  it.each([
    ['a dense kernel', [4, 3], 3],
    ['a convolution', [3, 3, 2, 5], 5],
    ['a convolution along one axis', [3, 2, 4], 4],
    ['a bias', [6], 1],
    ['a scalar', [], 1],
  ] as const)('works unit by unit on %s', (_, shape, units) => {
    const count = shape.reduce<number>((a, b) => a * b, 1);
    const gradient = irregular(count, 1, 0.5).map((value, i) => (i % units === 0 ? value / 64 : value));
    const weight = irregular(count, 100, 1);
    const clipped = run(clipAdaptively(0.2), { w: { shape, values: gradient } }, { w: { shape, values: weight } });
    const wanted = byHand(gradient, weight, units, 0.2, 1e-3);
    expectClose(clipped.w!, wanted, FLOAT32_TOLERANCE, 'adaptive clipping, against hand computation');
    // Some units are within their limit and keep their bits, unless there is one only.
    if (units > 1) {
      expect(clipped.w!.filter((value, i) => value === gradient[i]).length).toBeGreaterThan(0);
      expect(clipped.w!.filter((value, i) => value !== gradient[i]).length).toBeGreaterThan(0);
    }
  });

  it('takes weights of zero to have a norm of epsilon', () => {
    const [shape, zeros] = [
      [2, 1],
      [0, 0],
    ];
    expectClose(
      run(clipAdaptively(0.5, 0.01), { w: { shape, values: [3, 4] } }, { w: { shape, values: zeros } }).w!,
      [0.003, 0.004],
    );
  });

  it('makes a unit whose norm is not finite NaN, and no other; is right where the square overflows', () => {
    const big = 2 ** 100;
    const gradients = { w: { shape: [2, 3], values: [1, 3 * big, Infinity, 0, -4 * big, 0] } };
    const weights = { w: { shape: [2, 3], values: [3, 3, 3, 4, 4, 4] } };
    const clipped = run(clipAdaptively(1), gradients, weights).w!;
    expect([clipped[0], clipped[3]]).toEqual([1, 0]);
    expectClose([clipped[1]!, clipped[4]!], [3, -4]);
    expect([clipped[2], clipped[5]]).toEqual([NaN, NaN]);
  });

  it('is what clip: { adaptive } stands for', () => {
    expect(clipTransform({ adaptive: 0.01 }).name).toBe('clipAdaptively');
  });
});

describe('gradient centralisation', () => {
  it('takes the mean of each unit off a kernel, and nothing off a bias', () => {
    const gradients = {
      kernel: { shape: [2, 2], values: [1, 5, 3, 6] },
      filters: { shape: [1, 2, 1, 2], values: [1, 10, 2, 30] },
      bias: { shape: [2], values: [1, 3] },
    };
    expect(run(centralizeGradients(), gradients)).toEqual({
      kernel: [-1, -0.5, 1, 0.5],
      filters: [-0.5, -10, 0.5, 10],
      bias: [1, 3],
    });
  });
});

describe('onlyFor', () => {
  const gradients = {
    'body/kernel': { shape: [1], values: [3] },
    'body/bias': { shape: [1], values: [4] },
    'head/kernel': { shape: [1], values: [30] },
  };

  it('measures and changes the chosen weights alone', () => {
    expectClose(
      Object.values(run(onlyFor('body', clipByGlobalNorm(1)), gradients))
        .flat()
        .sort(),
      [0.6, 0.8, 30],
    );
    expect(run(clipTransform({ value: 1, only: /kernel$/ }), gradients)).toEqual({
      'body/kernel': [1],
      'body/bias': [4],
      'head/kernel': [1],
    });
  });

  it('may choose none of the gradients of a step', () => {
    expect(run(onlyFor('tail', clipByGlobalNorm(1)), gradients)['head/kernel']).toEqual([30]);
  });

  it('refuses a predicate that names no weight of a model', () => {
    const transform = onlyFor('bodi', clipByNorm(1));
    expect(() => transform.check!(['body/kernel', 'head/kernel'])).toThrow(
      /chooses at least one weight[^]*"bodi"[^]*body/,
    );
    transform.check!(['bodi/kernel']);
    expect(() => onlyFor('a', onlyFor('b', clipByNorm(1))).check!(['a/kernel', 'b/kernel'])).toThrow(
      /chooses at least one/,
    );
  });

  it('gives slots to the chosen weights alone, and passes variables and logs on', () => {
    const inner: GradientTransform = {
      name: 'inner',
      slots: () => ({ seen: 2 }),
      variables: () => ({ count: { value: 1, dtype: 'int32' } }),
      logs: ['seen'],
      transform: (given) => given,
    };
    const transform = onlyFor('body', inner);
    expect(transform.slots!('body/kernel')).toEqual({ seen: 2 });
    expect(transform.slots!('head/kernel')).toEqual({});
    expect(Object.keys(transform.variables!())).toEqual(['count']);
    expect(transform.logs).toEqual(['seen']);
  });
});

describe('options of gradient transforms', () => {
  const refused = (make: () => unknown): string => {
    const error = thrownBy(make);
    expect(error).toBeInstanceOf(AdjointError);
    return `${(error as AdjointError).kind} ${(error as AdjointError).where}`;
  };

  it.each([0, -1, NaN, Infinity, '1' as unknown as number])('refuse the limit %p', (bad) => {
    for (const [name, make] of Object.entries({ clipByValue, clipByNorm, clipByGlobalNorm, clipAdaptively })) {
      expect(refused(() => make(bad))).toBe(`invalid-option option "limit" of ${name}`);
    }
    expect(refused(() => clipAdaptively(1, bad))).toBe('invalid-option option "epsilon" of clipAdaptively');
    expect(refused(() => gradientNoise(bad))).toBe('invalid-option option "eta" of gradientNoise');
    expect(refused(() => gradientNoise(1, bad))).toBe('invalid-option option "gamma" of gradientNoise');
    expect(refused(() => langevinNoise(bad))).toBe('invalid-option option "temperature" of langevinNoise');
    expect(refused(() => noiseTransform({ eta: bad }))).toBe('invalid-option option "eta" of gradientNoise');
  });

  it('refuse spike protection that protects from nothing', () => {
    for (const options of [
      { factor: 0 },
      { factor: 0.9 },
      { factor: -4 },
      { factor: NaN },
      { window: 2 },
      { window: 8.5 },
      { window: 10_000 },
      { warmUp: 0 },
      { window: 8, warmUp: 9 },
      { action: 'drop' as never },
    ]) {
      expect(refused(() => spikeProtection(options))).toBe(
        `invalid-option option "${Object.keys(options).at(-1)}" of spikeProtection`,
      );
    }
    expect(refused(() => spikeProtection({ facter: 3 } as never))).toMatch(/^unknown-option/);
    spikeProtection({ window: 5 });
  });

  it('take one kind of noise', () => {
    for (const options of [{}, { eta: 1, temperature: 1 }, { gamma: 1 }, { temperature: 1, gamma: 0.5 }]) {
      expect(refused(() => noiseTransform(options))).toBe('noise-choice gradientNoise');
    }
  });

  it('ask for a step where they cannot do without', () => {
    for (const transform of [gradientNoise(1), langevinNoise(1), spikeProtection()]) {
      expect(refused(() => run(transform, { a: { shape: [1], values: [1] } }))).toBe(
        `no-step gradient transform "${transform.name}"`,
      );
    }
  });
});

describe('state of transforms', () => {
  const counting: GradientTransform = {
    name: 'counting',
    slots: () => ({ sum: 0.5 }),
    variables: () => ({ seen: { shape: [2], value: 1 }, count: { value: 0, dtype: 'int32', keptOnSkip: true } }),
    transform: (gradients) => gradients,
  };

  it('has a name for every variable, made once for each weight, and is freed', () => {
    const zeros = tf.zeros([2, 3]);
    const [weight, other] = [Variable.create('w', zeros), Variable.create('w', zeros)];
    zeros.dispose();
    const state = new TransformState([counting, counting]);
    state.ensure('w', weight);
    state.ensure('w', weight);
    const of = (i: number) => ['count', 'seen', 'slots/w/sum'].map((name) => `transforms/${i} counting/${name}`);
    expect(state.entries().map(([name]) => name)).toEqual([...of(0), ...of(1)]);
    expect(state.slotsOf(1, 'w').sum!.shape).toEqual([2, 3]);
    expect(state.keptOnSkip().map(({ dtype }) => dtype)).toEqual(['int32', 'int32']);
    expect(state.undoneOnSkip()).toHaveLength(4);
    expect(() => state.slotsOf(0, 'v')).toThrow(/unknown-weight/);
    expect(() => state.ensure('w', other)).toThrow(/weight-changed/);
    state.dispose();
    state.dispose();
    weight.dispose();
    other.dispose();
  });

  it('leaves nothing behind where a transform gives a bad initial value', () => {
    const bad: GradientTransform = { ...counting, variables: () => ({ a: { value: NaN } }) };
    expect(() => new TransformState([counting, bad])).toThrow(/initial-value/);
  });
});
