import { expect, it } from '@jest/globals';
import '../../src/container.js';
import { ownDeclaration, optionsClassOf } from '../../src/core/declaration.js';
import { OptionsError } from '../../src/core/errors.js';
import { optionNames, parseOptions } from '../../src/core/parse-options.js';
import type { Shape } from '../../src/core/shape.js';
import { engine } from '../../src/engine/start-engine.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { withVariableReads } from '../../src/engine/variable-reads.js';
import { BaseLayer, type LayerInput } from '../../src/layers/base-layer.js';
import { CallContext } from '../../src/layers/call-context.js';
import { Child } from '../../src/layers/declarations.js';
import { dense } from '../../src/layers/dense.js';
import type { LayerOptions } from '../../src/layers/layer-options.js';
import type { WeightHandle } from '../../src/layers/weight-handle.js';
import { sequential } from '../../src/model/sequential.js';
import { Adam } from '../../src/optimizers/adam.js';
import { checkGradient } from './check-gradient.js';
import { useTestEngine } from './engine.js';

type AnyLayer = BaseLayer<LayerOptions, LayerInput>;

export interface LayerContract {
  /** Options of a small layer; called anew for each layer made. */
  readonly options: () => Record<string, unknown>;
  /** Shape of the input, its batch of 2 or more included; for a layer that takes a list, one shape for each. */
  readonly inputShape: readonly number[] | readonly (readonly number[])[];
  /** Options that hold objects without a JSON form, such as layers. Default none. */
  readonly notInJson?: readonly string[];
  /** Values of the inputs where the layer's gradient has kinks that the default ones would meet. */
  readonly input?: (index: number) => number;
  /** Modes in which the gradient is checked. Default both. */
  readonly gradientModes?: readonly ('training' | 'inference')[];
}

/** Irregular values without ties, away from zero by more than the step of the differences. */
const scattered = (index: number): number => {
  const value = Math.sin(12.9898 * (index + 1)) * 1.5;
  return value + Math.sign(value) * 0.05;
};

/** What every layer promises; `layerClass` is tested on a small instance. */
export function layerContract(
  layerClass: new (options: never) => unknown,
  { options, inputShape, notInJson = [], input = scattered, gradientModes = ['training', 'inference'] }: LayerContract,
): void {
  useTestEngine();
  const make = (changes: object = {}): AnyLayer => new layerClass({ ...options(), ...changes } as never) as AnyLayer;
  const isList = Array.isArray(inputShape[0]);
  const shapes = (isList ? inputShape : [inputShape]) as readonly (readonly number[])[];
  const makeInputs = (): Tensor[] => {
    let index = 0;
    return shapes.map((shape) =>
      tf.tensor(
        Float32Array.from({ length: tf.util.sizeFromShape([...shape]) }, () => input(index++)),
        [...shape],
      ),
    );
  };
  const feed = (inputs: readonly Tensor[]): LayerInput => (isList ? inputs : inputs[0]!);
  const symbolic = (): Shape => {
    const open = shapes.map((shape) => [null, ...shape.slice(1)]);
    return (isList ? open : open[0]) as Shape;
  };
  const callOnce = (layer: AnyLayer, context?: CallContext): void => {
    tf.tidy(() => void layer.call(feed(makeInputs()), context));
  };
  /** A layer called once, so that it and its children are built. */
  const makeBuilt = (): AnyLayer => {
    const layer = make();
    callOnce(layer);
    return layer;
  };

  it('is declared under the name adjoint/...', () => {
    const declaration = ownDeclaration(layerClass);
    expect(declaration?.kind).toBe('layer');
    expect(declaration?.name).toMatch(/^adjoint\/[a-z0-9-]+$/);
  });

  it('keeps its options through JSON', () => {
    const given = make({ name: 'some_name', trainable: false }).options;
    const rest = Object.fromEntries(
      notInJson.map((name) => [name, (given as unknown as Record<string, unknown>)[name]]),
    );
    const stored: unknown = JSON.parse(
      JSON.stringify({ ...given, ...Object.fromEntries(notInJson.map((n) => [n, null])) }),
    );
    const restored = parseOptions(optionsClassOf(layerClass), { ...(stored as object), ...rest }, 'a restored layer');
    expect(JSON.stringify(restored)).toBe(JSON.stringify(given));
    for (const name of optionNames(optionsClassOf(layerClass))) {
      if (notInJson.includes(name) || (given as unknown as Record<string, unknown>)[name] === undefined) continue;
      expect(restored).toHaveProperty(name);
    }
  });

  it('refuses an unknown option', () => {
    expect(() => make({ nmae: 'x' })).toThrow(OptionsError);
    expect(() => make({ nmae: 'x' })).toThrow(/\[unknown-option\].*"nmae"[^]*did you mean "name"/);
  });

  it('infers the shape that it returns, without being built', () => {
    const layer = make();
    const inferred = layer.computeOutputShape(symbolic());
    expect(layer.built).toBe(false);
    expect(inferred[0]).toBeNull();
    tf.tidy(() => {
      for (const training of [false, true]) {
        const context = new CallContext({ training });
        const output = layer.call(feed(makeInputs()), context);
        expect(output.dtype).toBe('float32');
        expect(output.shape).toEqual([shapes[0]![0], ...inferred.slice(1)]);
        context.dispose();
      }
    });
    layer.dispose();
  });

  it.each([...gradientModes, 'training, checkpointed'] as const)(
    'has the right gradients by its inputs and weights in %s',
    (mode) => {
      const layer = makeBuilt();
      if (mode === 'training, checkpointed') layer.setCheckpointed('declaration', true);
      const handles = trainableWeights(layer);
      const start = makeInputs();
      const values = handles.map((handle, i) => {
        const first = handle.value;
        const shift = Float32Array.from({ length: first.size }, (_, j) => 0.3 * scattered(31 * (i + 1) + j));
        const moved = tf.tidy(() => tf.add(first, tf.tensor(shift, first.shape)));
        first.dispose();
        return moved;
      });
      const run = (...at: Tensor[]): Tensor => {
        const weights = new Map(handles.map((handle, i) => [handle.variable, at[start.length + i]!]));
        const context = new CallContext({ training: mode !== 'inference', seed: 3 });
        const output = withVariableReads(weights, () => layer.call(feed(at.slice(0, start.length)), context));
        context.dispose();
        return output;
      };
      checkGradient(run, [...start, ...values]);
      tf.dispose([...start, ...values]);
      layer.dispose();
    },
  );

  it('draws the same weights from the same seed, and others from another', () => {
    const drawn = (seed: number): number[][] => {
      const layer = make();
      callOnce(layer, new CallContext({ seed }));
      const values = tf.tidy(() => allWeights(layer).map((handle) => Array.from(handle.value.dataSync())));
      layer.dispose();
      return values;
    };
    expect(drawn(5)).toEqual(drawn(5));
    const constant = (values: number[]): boolean => values.every((value) => value === values[0]);
    if (drawn(5).some((values) => !constant(values))) expect(drawn(6)).not.toEqual(drawn(5));
  });

  it('is refused after dispose', () => {
    const layer = makeBuilt();
    layer.dispose();
    layer.dispose();
    expect(() => callOnce(layer)).toThrow(/\[disposed\]/);
  });

  it('leaves no tensor, handle or variable behind', () => {
    const count = () => {
      const { tensors, handles, variables } = engine().counters();
      return { tensors, handles, variables, tfjs: tf.memory().numTensors };
    };
    const once = (): void => {
      const layer = make();
      for (const training of [false, true]) {
        const context = new CallContext({ training });
        const inputs = makeInputs();
        const output = tf.tidy(() => layer.call(feed(inputs), context));
        expect(inputs.some((tensor) => tensor === output)).toBe(false);
        tf.dispose([output, ...inputs]);
        context.dispose();
      }
      layer.dispose();
    };
    once();
    const before = count();
    once();
    expect(count()).toEqual(before);
  });

  it.each(['eager', 'recorded'] as const)('learns in fit, behind a dense layer, %s', async (execution) => {
    const layer = make();
    const placed = isList ? new Forked(layer, shapes.length) : (layer as unknown as BaseLayer);
    const model = sequential([dense({ units: shapes[0]!.at(-1)! }), placed]);
    model.compile({
      optimizer: new Adam({ learningRate: LEARNING_RATE }),
      loss: 'meanSquaredError',
      seed: 2,
      execution,
    });
    const inputs = [EXAMPLES, ...shapes[0]!.slice(1)];
    const outputs = model.computeOutputShape(inputs) as number[];
    const [x, y] = [inputs, outputs].map((shape, i) =>
      tf.tensor(
        Float32Array.from({ length: tf.util.sizeFromShape(shape) }, (_, j) => scattered(j + i)),
        shape,
      ),
    );
    const { history, mode } = await model.fit(x!, y!, { epochs: STEPS, batchSize: EXAMPLES, verbose: 0 });
    const losses = history.loss!;
    expect(new Set(mode)).toEqual(new Set([execution]));
    expect(losses).toHaveLength(STEPS);
    expect(losses.at(-1)!).toBeLessThan(losses[0]!);
    tf.dispose([x!, y!]);
    model.dispose();
  });
}

/** One batch an epoch, large enough that dropout's noise in the loss stays below what is learnt. */
const EXAMPLES = 64;
const STEPS = 12;
const LEARNING_RATE = 0.03;

/** Gives one input to a layer that takes a list. */
class Forked extends BaseLayer {
  @Child() inner: AnyLayer;

  constructor(
    inner: AnyLayer,
    private readonly copies: number,
  ) {
    super();
    this.inner = inner;
  }

  call(x: Tensor, context?: CallContext): Tensor {
    return this.inner.call(
      Array.from({ length: this.copies }, () => x),
      context,
    );
  }
}

function allWeights(layer: AnyLayer): readonly WeightHandle[] {
  return [...layer.ownWeights, ...layer.children().flatMap(([, child]) => allWeights(child))];
}

function trainableWeights(layer: AnyLayer): readonly WeightHandle[] {
  return allWeights(layer).filter((handle) => handle.trainable);
}
