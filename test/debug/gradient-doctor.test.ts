import { describe, expect, it } from '@jest/globals';
import { createAdjoint } from '../../src/container.js';
import { valueAndGradients } from '../../src/autodiff/value-and-gradients.js';
import { diagnose } from '../../src/debug/diagnose.js';
import { GradientDoctor } from '../../src/debug/gradient-doctor.js';
import { tf } from '../../src/engine/tfjs.js';
import { Variable } from '../../src/engine/variable.js';
import { layers } from '../../src/layers/layers.js';
import type { BaseModel } from '../../src/model/base-model.js';
import { sequential } from '../../src/model/sequential.js';
import { SGD } from '../../src/optimizers/sgd.js';
import { liveObjects, MODES, rowsOf, smallModel, weightsOf } from '../helpers/models.js';

const x = rowsOf(96, 3);
const y = x.map(([a, b, c]) => [0.5 * a! - b! + 0.25 * c! + 0.1]);
const fast = { optimizer: new SGD({ learningRate: 40 }), loss: 'meanSquaredError' };
const good = { optimizer: 'adam', loss: 'meanSquaredError' };
const run = { epochs: 4, batchSize: 16, verbose: 0 } as const;

describe('GradientDoctor', () => {
  it.each(MODES)('leaves the training as it would be without, to the bit (%s)', async (execution) => {
    const weights: object[] = [];
    for (const callbacks of [[], [new GradientDoctor({ print: false })]]) {
      const model = smallModel();
      model.compile({ ...good, execution, seed: 3 });
      await model.fit(x, y, { ...run, callbacks });
      weights.push(weightsOf(model));
      model.dispose();
    }
    expect(weights[1]).toEqual(weights[0]);
  });

  it('leaves nothing behind, also where it tries fixes', async () => {
    const train = async (): Promise<void> => {
      const model = smallModel();
      model.compile(fast);
      const doctor = new GradientDoctor({ print: false, tryFixes: true });
      await model.fit(x, y, { ...run, callbacks: [doctor] });
      expect(doctor.findings.length).toBeGreaterThan(0);
      model.dispose();
    };
    await train();
    const before = liveObjects();
    await train();
    expect(liveObjects()).toEqual(before);
  });

  it('prints symptom, evidence and fix, and which fixes help', async () => {
    const lines: string[] = [];
    const log = (text: string): void => void lines.push(text);
    const adjoint = createAdjoint({ logger: { info: log, warn: log } });
    const model = adjoint.create(smallModel);
    model.compile(fast);
    const doctor = new GradientDoctor({ tryFixes: true });
    await model.fit(x, y, { ...run, callbacks: [doctor] });
    model.dispose();
    const text = lines.join('\n');
    expect(text).toMatch(
      /GradientDoctor: learning-rate-too-high, the learning rate\n {2}symptom .+\n {2}evidence .+\n {2}fix .+/,
    );
    expect(text).toMatch(/learningRate: 0\.4 .* helps/);
    expect(doctor.tried[0]).toMatchObject({ name: 'as it is', helps: false });
    expect(new Set(doctor.findings.map(({ cause }) => cause)).size).toBe(doctor.findings.length);
  });

  it('checks no rules where it is not asked to, and begins anew with each run', async () => {
    const doctor = new GradientDoctor({ print: false, checkCustomRules: false });
    for (const compile of [fast, good]) {
      const model = smallModel();
      model.compile(compile);
      await model.fit(x, y, { ...run, callbacks: [doctor] });
      model.dispose();
    }
    expect(doctor.findings).toEqual([]);
  });
});

describe('diagnose', () => {
  it('finds what is wrong in a trial, and puts everything back', async () => {
    const model = smallModel();
    model.compile(good);
    await model.fit(x, y, { ...run, epochs: 1 });
    const [before, live] = [weightsOf(model), liveObjects()];
    expect(await diagnose(model, x, y)).toEqual([]);
    const found = await diagnose(
      model,
      x.map((row) => row.map((value) => 500 * value)),
      y,
    );
    expect(found.map(({ cause }) => cause)).toContain('unnormalised-inputs');
    expect(weightsOf(model)).toEqual(before);
    expect(liveObjects()).toEqual(live);
    model.dispose();
  });
});

describe('diagnose, of a loop without fit', () => {
  const inputs = tf.tensor2d(x);
  const labels = tf.tensor2d(y);

  /** One step of gradient descent; `update` gets each weight's variable and gradient. */
  function descend(model: BaseModel, update: (variable: Variable, gradient: tf.Tensor, i: number) => void): void {
    tf.tidy(() => {
      const weights = model.trainableWeightTensors();
      const loss = () =>
        model.withWeights(weights, () => tf.mean(tf.squaredDifference(labels, model.call(inputs))) as tf.Scalar);
      const { gradients } = valueAndGradients(loss, Object.values(weights));
      const variables = [...model.weightTree()].map(([, { handle }]) => handle.variable);
      variables.forEach((variable, i) => update(variable, gradients[i]!, i));
    });
  }

  async function causes(makeStep: (model: BaseModel, sums: Variable[]) => () => unknown): Promise<string[]> {
    const model = sequential([layers.dense({ units: 4, activation: 'tanh' }), layers.dense({ units: 1 })]);
    model.compile(good);
    model.build([null, 3]);
    const variables = [...model.weightTree()].map(([, { handle }]) => handle.variable);
    const sums = variables.map(({ shape }) => {
      const zeros = tf.zeros([...shape]);
      const sum = Variable.create('sum', zeros);
      zeros.dispose();
      return sum;
    });
    const before = weightsOf(model);
    try {
      const found = await diagnose(model, x, y, { steps: 20, step: makeStep(model, sums) });
      expect(weightsOf(model)).toEqual(before);
      return found.map(({ cause }) => cause);
    } finally {
      for (const sum of sums) sum.dispose();
      model.dispose();
    }
  }

  it('says nothing of gradient descent, with and without momentum', async () => {
    const plain = (model: BaseModel) => () => descend(model, (variable, g) => variable.assignAdd(tf.mul(-0.01, g)));
    expect(await causes(plain)).toEqual([]);
    const momentum = (model: BaseModel, sums: Variable[]) => () =>
      descend(model, (variable, g, i) => {
        sums[i]!.assign(tf.add(tf.mul(0.9, sums[i]!.read()), g));
        variable.assignAdd(tf.mul(-0.01, sums[i]!.read()));
      });
    expect(await causes(momentum)).toEqual([]);
  });

  it('tells of gradients that are never set to zero', async () => {
    const summed = (model: BaseModel, sums: Variable[]) => () =>
      descend(model, (variable, g, i) => {
        sums[i]!.assignAdd(g);
        variable.assignAdd(tf.mul(-0.01, sums[i]!.read()));
      });
    expect(await causes(summed)).toEqual(['unzeroed-gradients']);
  });

  it('tells of tensors and graphs that grow, and of one that is used too late', async () => {
    const left: tf.Tensor[] = [];
    expect(await causes(() => () => void left.push(tf.scalar(1)))).toEqual(['leaking-tensors']);
    const history = () => () => {
      left.push(tf.keep(tf.scalar(1)));
      tf.tidy(() => void left.reduce((sum, one) => tf.add(sum, one)));
    };
    expect(await causes(history)).toEqual(['growing-graph']);
    const gone = tf.scalar(1);
    gone.dispose();
    expect(await causes(() => () => tf.tidy(() => void tf.add(gone, 1)))).toEqual(['overwritten-tensor']);
    tf.dispose(left);
  });
});
