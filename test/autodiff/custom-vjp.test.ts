import { describe, expect, it } from '@jest/globals';
import { createAdjoint } from '../../src/container.js';
import { CustomVjp } from '../../src/autodiff/custom-vjp.js';
import { listVjps } from '../../src/autodiff/list-vjps.js';
import { valueAndGradients } from '../../src/autodiff/value-and-gradients.js';
import { AdjointError } from '../../src/core/errors.js';
import { recorded } from '../../src/engine/record/recorded.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import type { Variable } from '../../src/engine/variable.js';
import { withVariableReads } from '../../src/engine/variable-reads.js';
import { BaseLayer } from '../../src/layers/base-layer.js';
import type { CallContext } from '../../src/layers/call-context.js';
import { Layer, Weight } from '../../src/layers/declarations.js';
import { layers } from '../../src/layers/layers.js';
import type { WeightHandle } from '../../src/layers/weight-handle.js';
import { Sequential } from '../../src/model/sequential.js';
import { checkGradient, checkSecondGradient } from '../helpers/check-gradient.js';
import { useTestEngine } from '../helpers/engine.js';

/** x * exp(factor), with the gradient by factor doubled so that it can be told from the automatic one. */
@Layer('test/scale')
class Scale extends BaseLayer {
  @Weight<Scale>(() => ({ shape: [], initializer: 'ones' })) factor!: WeightHandle;
  @Weight<Scale>(() => null) bias!: WeightHandle;

  @CustomVjp<Scale, 'x', 'factor' | 'bias', never, 'value' | 'factor'>('test/scale', {
    inputs: ['x'],
    weights: ['factor', 'bias'],
    keep: ['value', 'factor'],
    backward: (cotangent, { value, factor }, self) => {
      expect(self).toBeInstanceOf(Scale);
      return {
        x: () => tf.mul(cotangent, tf.exp(factor)),
        factor: () => tf.mul(2, tf.sum(tf.mul(cotangent, value))),
        bias: () => tf.scalar(0),
      };
    },
  })
  call(x: Tensor, context?: CallContext): Tensor {
    expect(context).toBeDefined();
    return tf.mul(x, tf.exp(this.factor.value));
  }
}

@Layer('test/undeclared')
class Undeclared extends BaseLayer {
  @Weight<Undeclared>(() => ({ shape: [], initializer: 'ones' })) factor!: WeightHandle;

  @CustomVjp('test/undeclared', {
    inputs: ['x'],
    backward: (cotangent) => ({ x: () => cotangent }),
  })
  call(x: Tensor): Tensor {
    return tf.mul(x, this.factor.value);
  }
}

class Power {
  constructor(readonly exponent: number) {}

  @CustomVjp('test/power', {
    inputs: ['x'],
    keep: ['x'],
    backward: (cotangent, { x }, self: Power) => ({
      x: () => tf.mul(cotangent, tf.mul(self.exponent, tf.pow(x, self.exponent - 1))),
    }),
  })
  apply(x: Tensor): Tensor {
    return tf.pow(x, this.exponent);
  }
}

function withFactor<T>(handle: WeightHandle, factor: Tensor, fn: () => T): T {
  return withVariableReads(new Map<Variable, Tensor>([[handle.variable, factor]]), fn);
}

function refusal(fn: () => unknown): AdjointError {
  try {
    fn();
  } catch (error) {
    if (error instanceof AdjointError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('@CustomVjp', () => {
  useTestEngine();

  it('gives a method its own gradient, of every order, for each object', () => {
    const x = tf.tensor1d([0.3, 0.9]);
    for (const power of [new Power(2), new Power(3)]) {
      checkGradient((at) => power.apply(at), [x]);
      checkSecondGradient((at) => power.apply(at), [x]);
    }
    x.dispose();
  });

  it('finds the weights that it declares, in eager and recorded code', async () => {
    const scale = new Scale();
    const x = tf.tensor1d([1, 2]);
    const factor = tf.scalar(0.5);
    scale.call(x).dispose();
    const compute = (at: Tensor, by: Tensor) => {
      const { value, gradients } = valueAndGradients(
        () => withFactor(scale.factor, by, () => tf.sum(scale.call(at))),
        [at, by],
      );
      return [value, gradients[0]!, gradients[1]!];
    };
    const eager = compute(x, factor);
    expect(eager[0]!.dataSync()[0]).toBeCloseTo(3 * Math.exp(0.5), 5);
    expect(eager[1]!.dataSync()[1]).toBeCloseTo(Math.exp(0.5), 5);
    expect(eager[2]!.dataSync()[0]).toBeCloseTo(2 * 3 * Math.exp(0.5), 4);
    const run = recorded(compute);
    const results = await run(x, factor);
    for (const [i, result] of results.entries()) expect(result.dataSync()).toEqual(eager[i]!.dataSync());
    run.dispose();
    tf.dispose([x, factor, ...eager, ...results]);
    scale.dispose();
  });

  it('trains its weights in both modes with the rule', async () => {
    for (const execution of ['eager', 'recorded'] as const) {
      const scale = new Scale();
      const model = new Sequential([scale]);
      model.compile({ loss: 'meanSquaredError', optimizer: 'sgd', execution });
      await model.fit([[1]], [[0]], { epochs: 1, verbose: 0 });
      // d mean((e^f)^2) / df at f = 1 is 2 e^2; the rule doubles it. The learning rate is 0.01.
      expect(tf.tidy(() => scale.factor.value.dataSync()[0])).toBeCloseTo(1 - 0.01 * 4 * Math.exp(2), 4);
      model.dispose();
    }
  });

  it('refuses to lose the gradient of a weight that is not declared', async () => {
    const layer = new Undeclared();
    const model = new Sequential([layer]);
    model.compile({ loss: 'meanSquaredError', optimizer: 'sgd', execution: 'eager' });
    const error = (await model.fit([[1]], [[0]], { verbose: 0 }).catch((thrown: unknown) => thrown)) as AdjointError;
    expect(error).toBeInstanceOf(AdjointError);
    expect(error.message).toMatch(/\[captured-tensor\] rule "test\/undeclared"[^]*under weights/);
    expect(tf.tidy(() => layer.factor.value.dataSync()[0])).toBe(1);
    // A frozen weight is a constant.
    layer.factor.trainable = false;
    const x = tf.tensor2d([[1]]);
    const { value, gradients } = valueAndGradients(() => tf.sum(layer.call(x)), [x]);
    expect(gradients[0]!.dataSync()[0]).toBe(1);
    tf.dispose([x, value, gradients[0]!]);
    model.dispose();
  });

  it('is inherited, and lists its rule once its class is registered', () => {
    @Layer('test/scale-twin')
    class Twin extends Scale {}
    const adjoint = createAdjoint();
    adjoint.register(Scale, Twin);
    expect(adjoint.create(listVjps)[0]).toEqual({
      kind: 'named',
      name: 'test/scale',
      inputs: ['x', 'factor', 'bias'],
      nonDifferentiable: [],
    });
    expect(listVjps().map(({ name }) => name)).not.toContain('test/scale');

    @Layer('test/other-scale')
    class Other extends BaseLayer {
      @CustomVjp('test/scale', { inputs: ['x'], backward: (cotangent) => ({ x: () => cotangent }) })
      call(x: Tensor): Tensor {
        return x;
      }
    }
    expect(refusal(() => adjoint.register(Other)).kind).toBe('registered-twice');
    expect(adjoint.names('layer')).not.toContain('test/other-scale');
  });

  it('leaves nothing when called outside of any tape', () => {
    const scale = new Scale();
    const x = tf.tensor1d([1]);
    const before = tf.memory().numTensors;
    const result = scale.call(x);
    expect(tf.memory().numTensors).toBe(before + 1);
    tf.dispose([x, result]);
    scale.dispose();
  });

  it.each<[string, () => unknown, RegExp]>([
    [
      'a keep that is no input',
      () => CustomVjp('test/a', { inputs: ['x'], keep: ['y'], backward: () => ({}) } as never),
      /"value" for the result/,
    ],
    [
      'an input named value',
      () => CustomVjp('test/a', { inputs: ['value'], backward: () => ({}) } as never),
      /stands for the result/,
    ],
    ['no backward', () => CustomVjp('test/a', { inputs: ['x'] } as never), /option "backward"/],
    [
      'a weight that is an input',
      () => CustomVjp('test/a', { inputs: ['x'], weights: ['x'], backward: () => ({}) } as never),
      /each name once/,
    ],
    [
      'a field',
      () => CustomVjp('test/a', { inputs: ['x'], backward: (dy: Tensor) => ({ x: () => dy }) })({}, 'field'),
      /\[rule-on-method\][^]*"field"/,
    ],
    [
      'a standard decorator',
      () =>
        CustomVjp('test/a', { inputs: ['x'], backward: (dy: Tensor) => ({ x: () => dy }) })(() => {}, {
          kind: 'method',
        } as never),
      /experimentalDecorators/,
    ],
    [
      'one name on two methods',
      () => {
        class Two {
          @CustomVjp('test/twice', { inputs: ['x'], backward: (dy) => ({ x: () => dy }) })
          first(x: Tensor): Tensor {
            return x;
          }
          @CustomVjp('test/twice', { inputs: ['x'], backward: (dy) => ({ x: () => dy }) })
          second(x: Tensor): Tensor {
            return x;
          }
        }
        return Two;
      },
      /\[rule-declared-twice\][^]*"second"/,
    ],
  ])('refuses %s', (_, declare, text) => {
    expect(refusal(declare).message).toMatch(text);
  });

  it('refuses a weight field that holds none', () => {
    class Odd {
      field = 3;
      @CustomVjp('test/odd', {
        inputs: ['x'],
        weights: ['field'],
        backward: (dy) => ({ x: () => dy, field: () => dy }),
      })
      call(x: Tensor): Tensor {
        return x;
      }
    }
    const x = tf.scalar(1);
    expect(refusal(() => new Odd().call(x)).kind).toBe('rule-weight');
    x.dispose();
  });

  it('stands beside built-in layers', async () => {
    const model = new Sequential([layers.dense({ units: 2 }), new Scale()]);
    const result = await model.predict([[1, 2]]);
    expect(result.shape).toEqual([1, 2]);
    result.dispose();
    model.dispose();
  });
});
