import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { defineVjp } from '../../src/autodiff/define-vjp.js';
import { noGrad } from '../../src/autodiff/no-grad.js';
import { stopGradient } from '../../src/autodiff/stop-gradient.js';
import { GradientMonitor, GradientMonitorOptions } from '../../src/debug/gradient-monitor.js';
import { judgeGradients } from '../../src/debug/gradient-rules.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { initializers } from '../../src/initializers/resolve-initializer.js';
import type { CallContext } from '../../src/layers/call-context.js';
import { Child } from '../../src/layers/declarations.js';
import { layers } from '../../src/layers/layers.js';
import { BaseModel } from '../../src/model/base-model.js';
import type { CompileOptions } from '../../src/model/compile-options.js';
import { Model } from '../../src/model/declarations.js';
import { sequential } from '../../src/model/sequential.js';
import { SGD } from '../../src/optimizers/sgd.js';
import type { StepContext } from '../../src/training/step-context.js';
import type { DeviceBatch } from '../../src/training/device-batch.js';
import type { ProbeReading } from '../../src/training/probe-contract.js';
import { callbackContract } from '../helpers/callback-contract.js';
import { useTestEngine } from '../helpers/engine.js';
import { linearData, MODES } from '../helpers/models.js';
import { heard } from '../helpers/heard.js';

const { x, y } = linearData(32);
const fit = { batchSize: 8, epochs: 2, verbose: 0 } as const;

const deep = (depth: number, activation: 'sigmoid' | 'relu') =>
  sequential([
    ...Array.from({ length: depth }, () =>
      layers.dense({ units: 8, activation, kernelInitializer: activation === 'relu' ? 'heNormal' : 'glorotUniform' }),
    ),
    layers.dense({ units: 1 }),
  ]);

const smallLinear = () => sequential([layers.dense({ units: 1 })]);

/** Two layers, with something between them. */
abstract class Cut extends BaseModel {
  @Child() first = layers.dense({ units: 4 });
  @Child() last = layers.dense({ units: 1 });
  abstract cut(h: Tensor): Tensor;
  call(input: Tensor, context: CallContext): Tensor {
    return this.last.call(this.cut(this.first.call(input, context)), context);
  }
}

@Model('test/cut-by-stop')
class CutByStop extends Cut {
  cut(h: Tensor): Tensor {
    return stopGradient(h); // the cut
  }
}

@Model('test/cut-by-round')
class CutByRound extends Cut {
  cut(h: Tensor): Tensor {
    return tf.round(h); // the cut
  }
}

@Model('test/cut-by-cast')
class CutByCast extends Cut {
  cut(h: Tensor): Tensor {
    return tf.cast(tf.cast(tf.mul(h, 2), 'int32'), 'float32'); // the cut
  }
}

@Model('test/cut-by-comparison')
class CutByComparison extends Cut {
  cut(h: Tensor): Tensor {
    return tf.cast(tf.greater(h, 0), 'float32'); // the cut
  }
}

@Model('test/cut-by-read')
class CutByRead extends Cut {
  cut(h: Tensor): Tensor {
    return tf.tensor(h.dataSync(), h.shape); // the cut
  }
}

@Model('test/unused')
class Unused extends Cut {
  @Child() spare = layers.dense({ units: 3 });
  cut(h: Tensor): Tensor {
    return h;
  }
}

@Model('test/dropped')
class Dropped extends Cut {
  @Child() spare = layers.dense({ units: 3 });
  cut(h: Tensor): Tensor {
    this.spare.call(h); // the cut
    return h;
  }
}

@Model('test/two-objectives')
class TwoObjectives extends BaseModel {
  @Child() first = layers.dense({ units: 4 });
  @Child() last = layers.dense({ units: 1 });
  @Child() probe = layers.dense({ units: 1 });
  call(input: Tensor, context: CallContext): Tensor {
    return this.last.call(this.first.call(input, context), context);
  }
  override trainStep({ x: input, y: labels }: DeviceBatch, step: StepContext) {
    const loss = step.minimize(() => tf.mean(tf.squaredDifference(labels!, this.call(input, step.call))));
    const code = this.first.call(input, step.call);
    const probe = step.minimize(() => tf.mean(tf.square(this.probe.call(tf.sign(code), step.call)))); // the cut
    return { loss, probe };
  }
}

@Model('test/cut-by-no-grad')
class CutByNoGrad extends Cut {
  cut(h: Tensor): Tensor {
    return noGrad(() => tf.tanh(h)); // the cut
  }
}

const squareOf = defineVjp('test/constant-square', {
  inputs: ['x', 'y'],
  nonDifferentiable: ['x'],
  forward: (h, one) => ({
    value: tf.mul(tf.square(h), one), // the cut
    keep: { h },
  }),
  backward: (dy, { h }) => ({ y: () => tf.mul(dy, tf.square(h as Tensor)) }),
});

@Model('test/cut-by-rule')
class CutByRule extends Cut {
  cut(h: Tensor): Tensor {
    return squareOf(h, tf.onesLike(h));
  }
}

@Model('test/cut-in-step')
class CutInStep extends BaseModel {
  @Child() first = layers.dense({ units: 4 });
  @Child() last = layers.dense({ units: 1 });
  call(input: Tensor, context: CallContext): Tensor {
    return this.last.call(this.first.call(input, context), context);
  }
  override trainStep({ x: input, y: labels }: DeviceBatch, step: StepContext) {
    const output = () => this.last.call(stopGradient(this.first.call(input, step.call)), step.call); // the cut
    const chosen = ['first', 'last'];
    return {
      loss: step.minimize(() => tf.mean(tf.squaredDifference(labels!, output())), { weights: chosen }),
    };
  }
}

const LINE = /gradient-monitor\.test\.ts:\d+:\d+$/;
const HERE = readFileSync(fileURLToPath(import.meta.url), 'utf8').split('\n');

/** The text of the line that a place names. */
function textAt(place: string): string {
  return HERE[Number(/:(\d+):\d+$/.exec(place)![1]) - 1]!;
}

describe.each(MODES)('GradientMonitor, %s', (execution) => {
  useTestEngine();

  const watch = async (
    make: () => BaseModel,
    options: Partial<GradientMonitorOptions> = {},
    { compile = {}, run = {} } = {},
  ) => {
    const { made: model, ...logged } = heard(make);
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError', execution, seed: 1, ...compile });
    const monitor = new GradientMonitor({ every: 1, ...options });
    await model.fit(x, y, { ...fit, ...run, callbacks: [monitor] });
    model.dispose();
    const { findings } = monitor;
    return { monitor, ...logged, findings, kinds: findings.map(({ kind, where }) => `${kind} ${where}`) };
  };

  it('finds gradients that vanish along the depth, and none in a healthy net as deep', async () => {
    const sick = await watch(() => deep(12, 'sigmoid'));
    expect(sick.kinds).toEqual(['vanishing dense']);
    const [finding] = sick.findings;
    expect(finding!.evidence['ratio']).toBeLessThan(1e-3);
    expect(finding).toMatchObject({ monitor: 'GradientMonitor', firstStep: 2, lastStep: 7, times: 6 });
    expect(sick.warnings).toHaveLength(1);
    expect(sick.warnings[0]).toMatch(/GradientMonitor, step 2: gradients vanish .*"dense".*early\/late ratio/);
    expect((await watch(() => deep(12, 'relu'))).kinds).toEqual([]);
  });

  it('finds gradients that explode', async () => {
    const wild = () =>
      sequential([
        ...Array.from({ length: 8 }, () =>
          layers.dense({ units: 8, kernelInitializer: initializers.randomNormal({ standardDeviation: 4 }) }),
        ),
        layers.dense({ units: 1, kernelInitializer: initializers.randomNormal({ standardDeviation: 1e-6 }) }),
      ]);
    const { kinds, findings } = await watch(wild, {}, { compile: { optimizer: new SGD({ learningRate: 1e-30 }) } });
    expect(kinds).toEqual(['exploding ']);
    expect(findings[0]!.evidence['gradientNorm']).toBeGreaterThan(1000);
  });

  it('finds gradients that are not finite, but not under a loss scale that is looked for', async () => {
    const broken = { compile: { optimizer: new SGD({ learningRate: 1e30 }) } };
    const { findings, monitor } = await watch(() => deep(2, 'relu'), {}, broken);
    expect(findings.map(({ kind }) => kind)).toContain('exploding');
    expect(findings.some(({ evidence }) => evidence['nonFinite']! > 0)).toBe(true);
    expect(monitor.table()).toContain('NaN');
    const scaled = { compile: { precision: 'mixed_float16' as const, lossScale: 'dynamic' as const } };
    expect((await watch(() => deep(2, 'relu'), {}, scaled)).kinds).toEqual([]);
  });

  it('finds a spike against the running median', async () => {
    const far = x.map((row, i) => (i >= 24 ? row.map((value) => value * 100) : row));
    const data = { run: { batchSize: 4, shuffle: false, epochs: 1 } };
    const { made: model } = heard(smallLinear);
    model.compile({ optimizer: new SGD({ learningRate: 1e-6 }), loss: 'meanSquaredError', execution, seed: 1 });
    const monitor = new GradientMonitor({ every: 1, explodingNorm: 1e9 });
    await model.fit(far, y, { ...fit, ...data.run, callbacks: [monitor] });
    expect(monitor.findings).toMatchObject([{ kind: 'spike', firstStep: 6 }]);
    expect(monitor.findings[0]!.evidence['factor']).toBeGreaterThan(10);
    model.dispose();
    expect((await watch(smallLinear, {}, data)).kinds).toEqual([]);
  });

  it('finds the gradients of dead units, and says nothing of a sparse ReLU', async () => {
    const dead = () =>
      sequential([
        layers.dense({ units: 4, activation: 'relu', biasInitializer: initializers.constant({ value: -50 }) }),
        layers.dense({ units: 1 }),
      ]);
    const { findings, kinds } = await watch(dead);
    expect(kinds).toContain('zero-gradients dense/kernel');
    expect(kinds).toContain('zero-gradients dense/bias');
    expect(findings[0]!.cause).toBeUndefined();
    expect(findings[0]!.message).toMatch(/dead or saturated/);
    const sparse = () =>
      sequential([
        layers.dense({ units: 64, activation: 'relu', biasInitializer: initializers.constant({ value: -0.5 }) }),
        layers.dense({ units: 1 }),
      ]);
    expect((await watch(sparse)).kinds).toEqual([]);
  });

  it.each([
    [CutByStop, 'no-gradient', 'stop-gradient', 'stopGradient'],
    [CutByRound, 'zero-gradients', 'non-differentiable', 'round'],
    [CutByCast, 'no-gradient', 'non-differentiable', 'cast'],
    [CutByComparison, 'no-gradient', 'non-differentiable', 'greater'],
  ] as const)('names the place where %p is cut off', async (cutClass, kind, reason, op) => {
    const { findings, kinds, warnings } = await watch(() => new cutClass());
    expect(kinds.toSorted()).toEqual([`${kind} first/bias`, `${kind} first/kernel`]);
    for (const { cause, message } of findings) {
      expect(cause).toMatchObject({ reason, op, layer: '' });
      expect(cause!.line).toMatch(LINE);
      expect(textAt(cause!.line)).toContain('the cut');
      expect(message).toContain(cause!.message);
    }
    expect(warnings.join()).toContain(op);
  });

  it.each<[string, Partial<CompileOptions>]>([
    ['in mixed bfloat16', { precision: 'mixed_bfloat16' }],
    ['checkpointed', { checkpoint: 'all' }],
    ['in groups', { accumulateSteps: 2 }],
    ['with a loss scale', { lossScale: 64 }],
  ])('names the place where a weight is cut off %s', async (_, compile) => {
    const { findings } = await watch(() => new CutByStop(), {}, { compile });
    expect(findings.map(({ where }) => where).toSorted()).toEqual(['first/bias', 'first/kernel']);
    for (const { cause } of findings) expect(cause).toMatchObject({ reason: 'stop-gradient', op: 'stopGradient' });
  });

  it.each([
    [CutByNoGrad, 'stop-gradient', 'tanh'],
    [CutByRule, 'custom-rule', 'square'],
  ] as const)('names what ran where nothing is differentiated: %p', async (cutClass, reason, op) => {
    const { findings } = await watch(() => new cutClass());
    expect(findings.map(({ where }) => where).toSorted()).toEqual(['first/bias', 'first/kernel']);
    for (const { cause } of findings) {
      expect(cause).toMatchObject({ reason, op });
      expect(textAt(cause!.line)).toContain('the cut');
    }
  });

  it('names a cut in a loss function, and in a training step of the model`s own', async () => {
    const loss = (labels: Tensor, predictions: Tensor) =>
      tf.add(tf.mean(tf.squaredDifference(labels, tf.sign(predictions)), -1), tf.mul(0, tf.sum(labels, -1))); // the cut
    const { findings } = await watch(smallLinear, {}, { compile: { loss } });
    expect(findings.map(({ kind, where }) => `${kind} ${where}`).toSorted()).toEqual([
      'zero-gradients dense/bias',
      'zero-gradients dense/kernel',
    ]);
    expect(findings[0]!.cause).toMatchObject({ reason: 'non-differentiable', op: 'sign' });
    expect(textAt(findings[0]!.cause!.line)).toContain('the cut');
    const own = await watch(() => new CutInStep());
    expect(own.findings.map(({ where }) => where).toSorted()).toEqual(['first/bias', 'first/kernel']);
    expect(own.findings[0]!.cause).toMatchObject({ reason: 'stop-gradient' });
    expect(textAt(own.findings[0]!.cause!.line)).toContain('the cut');
  });

  it('names a layer that is not used, one whose result is not used, and says nothing of frozen ones', async () => {
    const unused = await watch(() => new Unused());
    expect(unused.kinds).toEqual([]);
    const dropped = await watch(() => new Dropped());
    expect(dropped.kinds.toSorted()).toEqual(['no-gradient spare/bias', 'no-gradient spare/kernel']);
    expect(dropped.findings[0]!.cause).toMatchObject({ reason: 'result-not-used', layer: 'spare' });
    expect(textAt(dropped.findings[0]!.cause!.line)).toContain('the cut');
    const frozen = await watch(() => {
      const model = deep(2, 'relu');
      model.getLayer('dense').trainable = false;
      return model;
    });
    expect(frozen.kinds).toEqual([]);
  });

  it('looks into the losses of a training step of the model`s own', async () => {
    const { findings, kinds } = await watch(() => new TwoObjectives());
    // By the second loss the first layer has a gradient of zero, by the first one that is not.
    expect(kinds).toEqual([]);
    expect(findings).toEqual([]);
  });

  it('shows a table at the end of an epoch, of the run, of one with findings, or never', async () => {
    const shown = async (print: 'findings' | 'epoch' | 'end' | 'never', verbose: 0 | 2 = 2) => {
      const { infos } = await watch(() => deep(2, 'relu'), { print }, { run: { verbose } });
      return infos.length;
    };
    expect(await shown('epoch')).toBe(2);
    expect(await shown('end')).toBe(1);
    expect(await shown('never')).toBe(0);
    expect(await shown('epoch', 0)).toBe(0);
    expect(await shown('findings')).toBe(0);
    expect(new GradientMonitor().options.print).toBe('findings');
    const limits = { explodingNorm: 0, confirmations: 1 };
    const sick = await watch(() => deep(2, 'relu'), limits, { run: { verbose: 2 } });
    expect(sick.kinds.length).toBeGreaterThan(0);
    expect(sick.infos).toHaveLength(1);
    expect((await watch(() => deep(2, 'relu'), limits)).infos).toEqual([]);
    const { monitor } = await watch(() => deep(2, 'relu'));
    expect(monitor.table()).toMatch(/layer.*gradient norm[\s\S]*dense_1[\s\S]*dense_2/);
    expect(monitor.readings).toHaveLength(8);
    expect(new GradientMonitor().table()).toMatch(/nothing/);
  });
});

describe('a value that was read on the host', () => {
  useTestEngine();

  it('is named where the step runs op by op', async () => {
    const { made: model } = heard(() => new CutByRead());
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError', execution: 'eager', seed: 1 });
    const monitor = new GradientMonitor({ every: 1 });
    await model.fit(x, y, { ...fit, callbacks: [monitor] });
    const cause = monitor.findings[0]!.cause!;
    expect(cause).toMatchObject({ reason: 'host-read', op: 'dataSync' });
    expect(textAt(cause.line)).toContain('the cut');
    model.dispose();
  });
});

describe('judgeGradients', () => {
  const limits = new GradientMonitorOptions();
  const readings = (norms: readonly number[]): ProbeReading[] =>
    Array.from({ length: 3 }, (_, totalSteps) => ({
      epoch: 0,
      step: totalSteps,
      totalSteps,
      loss: 1,
      weights: Object.fromEntries(norms.map((gradientNorm, i) => [`${i}/kernel`, { gradientNorm, weightNorm: 1 }])),
      layers: {},
      withoutGradient: [],
    }));
  const kinds = (norms: readonly number[]) =>
    judgeGradients(readings(norms), new Map(), limits, false).map(({ kind, where }) => `${kind} ${where}`);

  it('tells growth along the depth from one layer that is out of line', () => {
    expect(kinds([500, 50, 5, 0.5, 0.05, 0.005])).toEqual(['exploding 0']);
    expect(kinds([0.005, 0.05, 0.5, 5, 50, 500])).toEqual(['vanishing 0']);
    expect(kinds([1, 1, 1e-9, 1, 1, 1])).toEqual([]);
    expect(kinds([0, 0, 1, 1, 1, 1])).toEqual([]);
    expect(kinds([1e-9, 1])).toEqual([]);
  });

  it('waits for measurements that agree', () => {
    const few = readings([0.005, 0.05, 0.5, 5, 50, 500]).slice(1);
    expect(judgeGradients(few, new Map(), limits, false)).toEqual([]);
  });
});

callbackContract(GradientMonitor, {
  options: { every: 3, vanishingRatio: 0.1, explodingNorm: 5, spikeFactor: 3, confirmations: 2, print: 'end' as const },
  refused: [
    [{ every: 0 }, /every/],
    [{ print: 'always' }, /print/],
  ],
  results: ({ readings, findings }) => [readings, findings],
});
