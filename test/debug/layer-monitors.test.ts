import { describe, expect, it } from '@jest/globals';
import type { ActivationMonitorOptions } from '../../src/debug/activation-monitor.js';
import { ActivationMonitor } from '../../src/debug/activation-monitor.js';
import type { DeadUnitsOptions } from '../../src/debug/dead-units.js';
import { DeadUnits } from '../../src/debug/dead-units.js';
import { GradientNoiseScale } from '../../src/debug/gradient-noise-scale.js';
import type { SaturationMonitorOptions } from '../../src/debug/saturation-monitor.js';
import { SaturationMonitor } from '../../src/debug/saturation-monitor.js';
import { initializers } from '../../src/initializers/resolve-initializer.js';
import { layers } from '../../src/layers/layers.js';
import type { BaseModel } from '../../src/model/base-model.js';
import { sequential } from '../../src/model/sequential.js';
import { SGD } from '../../src/optimizers/sgd.js';
import type { CallbackContract } from '../../src/training/callback-contract.js';
import { callbackContract } from '../helpers/callback-contract.js';
import { useTestEngine } from '../helpers/engine.js';
import { heard } from '../helpers/heard.js';
import { linearData, MODES, rowsOf } from '../helpers/models.js';

const data = linearData(64);
const { constant, randomNormal } = initializers;
const bias = (value: number) => constant({ value });

describe.each(MODES)('monitors of layers, %s', (execution) => {
  useTestEngine();

  const watch = async <C extends CallbackContract>(
    make: () => BaseModel,
    callback: C,
    { x = data.x, y = data.y, learningRate = 0.01, ...run } = {} as {
      x?: number[][];
      y?: number[][];
      learningRate?: number;
      epochs?: number;
      batchSize?: number;
      verbose?: 0 | 2;
    },
  ) => {
    const { made: model, ...logged } = heard(make);
    const optimizer = new SGD({ learningRate });
    model.compile({ optimizer, loss: 'meanSquaredError', execution, seed: 3 });
    await model.fit(x, y, { batchSize: 16, epochs: 2, verbose: 0, ...run, callbacks: [callback] });
    model.dispose();
    return { callback, ...logged };
  };

  describe('DeadUnits', () => {
    const relu =
      (value: number, kind: 'inside' | 'layer' = 'inside') =>
      () =>
        sequential([
          kind === 'inside'
            ? layers.dense({ units: 16, activation: 'relu', biasInitializer: bias(value) })
            : layers.dense({ units: 16, biasInitializer: bias(value) }),
          ...(kind === 'layer' ? [layers.activation({ activation: 'relu' })] : []),
          layers.dropout({ rate: 0.2 }),
          layers.dense({ units: 1 }),
        ]);

    it('finds units that never fire, once, where they die', async () => {
      const inside = await watch(relu(-50), new DeadUnits({ every: 1 }));
      expect(inside.callback.findings).toMatchObject([
        { kind: 'dead-units', where: 'dense', evidence: { dead: 16, units: 16, fraction: 1 }, firstStep: 2, times: 6 },
      ]);
      expect(inside.warnings).toHaveLength(1);
      expect(inside.warnings[0]).toMatch(/DeadUnits, step 2: 16 of 16 units of "dense" \(100 %\)/);
      expect(inside.callback.table()).toMatch(/dense .*16.*16.*100 %/);
      const own = await watch(relu(-50, 'layer'), new DeadUnits({ every: 1 }));
      expect(own.callback.findings.map(({ where }) => where)).toEqual(['activation']);
    });

    it('leaves a sparse ReLU that fires now and then in peace', async () => {
      const { callback, warnings } = await watch(relu(-0.8), new DeadUnits({ every: 1, fraction: 0.9 }));
      expect(callback.findings).toEqual([]);
      expect(warnings).toEqual([]);
      const [dense] = callback.activity;
      expect(dense!.activity).toBeLessThan(0.5);
      expect(dense!.activity).toBeGreaterThan(0);
    });
  });

  describe('SaturationMonitor', () => {
    const net = (spread: number) => () =>
      sequential([
        layers.dense({ units: 8, activation: 'tanh', kernelInitializer: randomNormal({ standardDeviation: spread }) }),
        layers.dense({
          units: 8,
          activation: 'sigmoid',
          kernelInitializer: randomNormal({ standardDeviation: spread }),
        }),
        layers.dense({ units: 1, activation: 'sigmoid', biasInitializer: bias(20) }),
      ]);

    it('finds layers in the flat part of their activation, the output apart', async () => {
      const sick = await watch(net(100), new SaturationMonitor({ every: 1 }));
      expect(sick.callback.findings.map(({ kind, where }) => `${kind} ${where}`)).toEqual([
        'saturated dense',
        'saturated dense_1',
      ]);
      expect(sick.callback.findings[0]!.evidence['fraction']).toBeGreaterThan(0.9);
      expect(sick.warnings).toHaveLength(1);
      const all = await watch(net(100), new SaturationMonitor({ every: 1, outputLayer: true }));
      expect(all.callback.findings).toHaveLength(3);
      const healthy = await watch(net(0.3), new SaturationMonitor({ every: 1 }));
      expect(healthy.callback.findings).toEqual([]);
      expect(healthy.callback.table()).toMatch(/dense .*0 %/);
    });
  });

  describe('ActivationMonitor', () => {
    const net = () => sequential([layers.dense({ units: 4 }), layers.dense({ units: 1 })]);

    it('finds outputs that grow and that are not finite, and none in a healthy net', async () => {
      // A rate above what plain descent bears: each step is a few times as long as the one before.
      const linear = () => sequential([layers.dense({ units: 1 })]);
      const grown = await watch(linear, new ActivationMonitor({ every: 1 }), { learningRate: 4, epochs: 3 });
      const kinds = grown.callback.findings.map(({ kind }) => kind);
      expect(kinds).toEqual(['spread-grew']);
      expect(grown.warnings.join()).toMatch(/standard deviation of "dense/);
      const endless = await watch(net, new ActivationMonitor({ every: 1 }), { learningRate: 1e30 });
      expect(endless.callback.findings.map(({ kind }) => kind)).toContain('not-finite');
      const healthy = await watch(net, new ActivationMonitor({ every: 1 }), { epochs: 8 });
      expect(healthy.callback.findings).toEqual([]);
      expect(healthy.callback.table()).toMatch(/layer.*mean.*standard deviation[\s\S]*dense_1/);
    });

    it('finds outputs that become zero', async () => {
      const dying = () =>
        sequential([
          layers.dense({ units: 8, activation: 'relu', biasInitializer: bias(1) }),
          layers.dense({ units: 1, biasInitializer: bias(3), kernelInitializer: constant({ value: 3 }) }),
        ]);
      const { callback } = await watch(dying, new ActivationMonitor({ every: 1, confirmations: 1 }), {
        learningRate: 0.06,
      });
      expect(callback.findings.map(({ kind, where }) => `${kind} ${where}`)).toContain('zeros-grew dense');
    });
  });

  describe('GradientNoiseScale', () => {
    const net = () => sequential([layers.dense({ units: 1, useBias: false, kernelInitializer: 'zeros' })]);
    /** y = x + noise, with x constant: the gradient at 0 is -2 (1 + noise), of variance 4 sigma^2. */
    const noisy = (rows: number, sigma: number) => {
      const noise = rowsOf(rows, 2).map(([a, b]) => {
        // Two even numbers to one of a normal distribution.
        const [u, v] = [(Math.abs(a! * 1e4) % 1) + 1e-9, Math.abs(b! * 1e4) % 1];
        return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);
      });
      return { x: noise.map(() => [1]), y: noise.map((value) => [1 + sigma * value]) };
    };

    it('estimates the noise scale that a computation by hand gives', async () => {
      const sigma = 3;
      const measure = (batchSize: number) =>
        watch(net, new GradientNoiseScale({ every: 1, parts: 4 }), {
          ...noisy(8192, sigma),
          learningRate: 1e-12,
          batchSize,
          epochs: 1,
          verbose: 2,
        });
      // |G|^2 = 4, S = 4 sigma^2, whatever the batch size: both estimates are unbiased.
      for (const batchSize of [32, 128]) {
        const { callback, infos } = await measure(batchSize);
        expect(callback.measurements).toBe(8192 / batchSize);
        expect(callback.gradientSquaredNorm / 4).toBeCloseTo(1, 0);
        expect(callback.exampleVariance / (4 * sigma ** 2)).toBeCloseTo(1, 0);
        expect(callback.noiseScale / sigma ** 2).toBeGreaterThan(0.8);
        expect(callback.noiseScale / sigma ** 2).toBeLessThan(1.25);
        expect(callback.sentence).toMatch(/batch sizes above \d+ buy little/);
        expect(infos).toEqual([`GradientNoiseScale: ${callback.sentence}`]);
      }
    });

    it('is next to nothing without noise, and unknown before a measurement', async () => {
      const { callback } = await watch(net, new GradientNoiseScale({ every: 1 }), noisy(64, 0));
      expect(callback.noiseScale).toBeLessThan(1e-3);
      expect(callback.sentence).toMatch(/above 1 buy little/);
      const fresh = new GradientNoiseScale();
      expect(fresh.noiseScale).toBeNaN();
      expect(fresh.sentence).toMatch(/no noise scale yet/);
      const small = await watch(net, new GradientNoiseScale({ every: 1, parts: 4 }), { ...noisy(6, 1), batchSize: 3 });
      expect(small.callback.measurements).toBe(0);
    });
  });
});

const monitor = { every: 3, confirmations: 2, print: 'end' as const };
callbackContract<DeadUnits, Partial<DeadUnitsOptions>>(DeadUnits, { options: { ...monitor, fraction: 0.2 } });
callbackContract<SaturationMonitor, Partial<SaturationMonitorOptions>>(SaturationMonitor, {
  options: { ...monitor, fraction: 0.2, outputLayer: true },
});
callbackContract<ActivationMonitor, Partial<ActivationMonitorOptions>>(ActivationMonitor, {
  options: { ...monitor, spreadFactor: 5, shift: 2 },
});
callbackContract(GradientNoiseScale, {
  options: { every: 3, parts: 2 },
  refused: [[{ parts: 1 }, /parts/]],
});
