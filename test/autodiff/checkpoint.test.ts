import { describe, expect, it } from '@jest/globals';
import { checkpoint } from '../../src/autodiff/checkpoint.js';
import { grad } from '../../src/autodiff/grad.js';
import { valueAndGradients } from '../../src/autodiff/value-and-gradients.js';
import { vjp } from '../../src/autodiff/vjp.js';
import { RecordedFunction, recordGraph } from '../../src/engine/record/recorded-function.js';
import { traceGraph } from '../../src/engine/record/trace-graph.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { Variable } from '../../src/engine/variable.js';
import { readVariable, withVariableReads } from '../../src/engine/variable-reads.js';
import { useTestEngine } from '../helpers/engine.js';
import { MODES } from '../helpers/execution-modes.js';
import { expectClose } from '../helpers/close.js';
import { bitsOf, expectSameNumbers, nodesOf, opsOf } from '../helpers/recording.js';

const scattered = (count: number, shift = 0) =>
  Array.from({ length: count }, (_, i) => Math.sin(7.3 * (i + 1) + shift));
const layer = (x: Tensor, kernel: Tensor, bias: Tensor) => tf.tanh(tf.add(tf.matMul(x, kernel), bias));
/** Which of two ready ops is run first differs from run to run: the highest peak counts. */
const RUNS = 3;
type Wrap = (fn: (...args: Tensor[]) => Tensor) => (...args: Tensor[]) => Tensor;
const plain: Wrap = (fn) => fn;

/** Three layers, each under `wrap`. */
function network(wrap: Wrap, x: Tensor, weights: readonly Tensor[]): Tensor {
  let value = x;
  for (let i = 0; i < weights.length; i += 2) value = wrap(layer)(value, weights[i]!, weights[i + 1]!);
  return tf.sum(tf.square(value));
}

function inputs(): { x: Tensor; weights: Tensor[] } {
  return {
    x: tf.tensor2d(scattered(12), [3, 4]),
    weights: [0, 1, 2].flatMap((i) => [tf.tensor2d(scattered(16, i), [4, 4]), tf.tensor1d(scattered(4, i))]),
  };
}

describe('checkpoint', () => {
  useTestEngine();

  it.each([
    ['each layer', (x: Tensor, weights: Tensor[]) => network(checkpoint, x, weights)],
    [
      'the whole',
      (x: Tensor, weights: Tensor[]) =>
        checkpoint((...at: Tensor[]) => network(plain, at[0]!, at.slice(1)))(x, ...weights),
    ],
    [
      'nested',
      (x: Tensor, weights: Tensor[]) =>
        checkpoint((...at: Tensor[]) => network(checkpoint, at[0]!, at.slice(1)))(x, ...weights),
    ],
    [
      'a tree of arguments',
      (x: Tensor, weights: Tensor[]) =>
        checkpoint((at: { x: Tensor; weights: Tensor[] }) => network(checkpoint, at.x, at.weights))({ x, weights }),
    ],
  ])('gives values and gradients to the bit: %s', (_name, under) => {
    const { x, weights } = inputs();
    const wanted = valueAndGradients(() => network(plain, x, weights), [x, ...weights]);
    const actual = valueAndGradients(() => under(x, weights), [x, ...weights]);
    expect(bitsOf(actual.value)).toBe(bitsOf(wanted.value));
    expect(actual.gradients.map((gradient) => bitsOf(gradient!))).toEqual(
      wanted.gradients.map((gradient) => bitsOf(gradient!)),
    );
    tf.dispose([wanted, actual, x, weights] as unknown as tf.TensorContainer);
  });

  it('finds weights that are read inside, and sums over their uses', () => {
    const initial = tf.scalar(3);
    const variable = Variable.create('w', initial);
    const x = tf.scalar(2);
    const run = (wrap: Wrap) => {
      const value = variable.read();
      const both = withVariableReads(new Map([[variable, value]]), () =>
        valueAndGradients(() => {
          const inner = wrap((at) => tf.mul(tf.square(at!), readVariable(variable)));
          return tf.mul(inner(inner(x)), readVariable(variable));
        }, [value, x]),
      );
      const numbers = both.gradients.map((gradient) => gradient!.dataSync()[0]);
      tf.dispose([both, value] as unknown as tf.TensorContainer);
      return numbers;
    };
    // w (w (w x^2)^2) = w^4 x^4
    expect(run(checkpoint)).toEqual([4 * 27 * 16, 81 * 4 * 8]);
    expect(run(checkpoint)).toEqual(run(plain));
    variable.dispose();
    tf.dispose([x, initial]);
  });

  it('runs the function once forwards and once more for the gradient', () => {
    let runs = 0;
    const square = checkpoint((x: Tensor) => {
      runs++;
      return tf.square(x);
    });
    const x = tf.scalar(3);
    square(x).dispose();
    expect(runs).toBe(1);
    const gradient = grad(square)(x);
    expect(runs).toBe(3);
    tf.dispose([x, gradient]);
  });

  it('keeps its arguments only', () => {
    const x = tf.zeros([1000]);
    const bytes: number[] = [];
    const deep = (at: Tensor) => [1, 2, 3, 4].reduce((value) => tf.exp(tf.sin(value)), at);
    for (const fn of [deep, checkpoint(deep)]) {
      const { value, dispose } = vjp((at: Tensor) => fn(at), x);
      bytes.push(tf.memory().numBytes);
      value.dispose();
      dispose();
    }
    x.dispose();
    expect(bytes[0]! - bytes[1]!).toBeGreaterThanOrEqual(6 * 4000);
  });

  it('takes several results, results that are arguments, integers and other arguments', () => {
    const x = tf.tensor1d([1, 2]);
    const index = tf.tensor1d([1, 0], 'int32');
    const fn = checkpoint((at: Tensor, order: Tensor, scale: number) => ({
      same: at,
      turned: tf.mul(tf.gather(at, order as tf.Tensor1D), scale),
      order: tf.add(order, tf.scalar(1, 'int32')),
    }));
    const gradient = grad((at: Tensor) => {
      const { same, turned, order } = fn(at, index, 5);
      expect(order.dtype).toBe('int32');
      return tf.sum(tf.mul(tf.mul(same, turned), tf.cast(order, 'float32')));
    })(x);
    // 2 x0 (5 x1) + 1 x1 (5 x0) = 15 x0 x1
    expect([...gradient.dataSync()]).toEqual([30, 15]);
    tf.dispose([x, index, gradient]);
  });

  it('leaves no tensor behind where the function throws, at either run', () => {
    const x = tf.scalar(2);
    for (const failing of [1, 2]) {
      let runs = 0;
      const fn = checkpoint((at: Tensor) => {
        const value = tf.exp(tf.square(at));
        if (++runs === failing) throw new Error('by intention');
        return value;
      });
      expect(() => valueAndGradients(() => fn(x), [x])).toThrow('by intention');
    }
    x.dispose();
  });

  it.each([
    ['captured-tensor', (x: Tensor, y: Tensor) => checkpoint((at: Tensor) => tf.mul(at, y))(x)],
    [
      'captured-tensor',
      (x: Tensor, y: Tensor) => checkpoint((at: Tensor) => checkpoint((a: Tensor) => tf.mul(a, tf.square(y)))(at))(x),
    ],
    [
      'captured-tensor',
      (x: Tensor) => checkpoint((at: Tensor) => checkpoint((a: Tensor) => tf.mul(a, at))(tf.exp(at)))(x),
    ],
    [
      'kept-inside',
      (x: Tensor, _y: Tensor, keep: (tensor: Tensor) => Tensor) => {
        let side: Tensor | undefined;
        const value = checkpoint((at: Tensor) => {
          side = keep(tf.square(at));
          return tf.exp(at);
        })(x);
        return tf.add(value, side!);
      },
    ],
    ['promise', (x: Tensor) => checkpoint(async (at: Tensor) => tf.exp(at))(x) as unknown as Tensor],
    ['tree-leaf', (x: Tensor) => checkpoint((at: Tensor) => [at, 3])(x) as unknown as Tensor],
  ])('refuses [%s]', (kind, fn) => {
    const [x, y] = [tf.scalar(2), tf.scalar(3)];
    const kept: Tensor[] = [];
    const keep = (tensor: Tensor): Tensor => {
      kept.push(tf.keep(tensor));
      return tensor;
    };
    expect(() => valueAndGradients(() => fn(x, y, keep), [x])).toThrow(`[${kind}]`);
    tf.dispose([x, y, ...kept]);
  });

  it('refuses what is not a function', () => {
    expect(() => checkpoint(3 as unknown as (x: Tensor) => Tensor)).toThrow('[not-a-function]');
  });
});

describe.each(MODES)('checkpoint, %s', (_mode, execute, tolerance) => {
  useTestEngine();

  it('gives the gradients of the plain function, at second order too', async () => {
    const x = tf.tensor1d([0.3, -0.7]);
    const scale = tf.scalar(1.5);
    const f: (...args: Tensor[]) => Tensor = (at, by) => tf.sin(tf.mul(tf.square(at!), by!));
    const orders = (wrap: Wrap) => (at: Tensor, by: Tensor) => [
      ...grad((a: Tensor, b: Tensor) => tf.sum(wrap(f)(a, b)), { arguments: [0, 1] })(at, by),
      ...grad((a: Tensor, b: Tensor) => tf.sum(tf.square(grad((c: Tensor) => tf.sum(wrap(wrap(f))(c, b)))(a))), {
        arguments: [0, 1],
      })(at, by),
    ];
    const wanted = await execute((...at) => orders(plain)(at[0]!, at[1]!), [x, scale]);
    const actual = await execute((...at) => orders(checkpoint)(at[0]!, at[1]!), [x, scale]);
    actual.forEach((numbers, i) => expectClose(numbers, wanted[i]!, tolerance));
    tf.dispose([x, scale]);
  });
});

describe('checkpoint in a recording', () => {
  useTestEngine();

  it('runs the repeated ops after the cotangent, by edges that all passes keep', () => {
    const { x, weights } = inputs();
    const gradients = (wrap: Wrap) =>
      recordGraph(
        [x, ...weights],
        () => valueAndGradients(() => network(wrap, x, weights), weights).gradients as Tensor[],
      );
    const [without, graph] = [gradients(plain), gradients(checkpoint)];
    expect(nodesOf(without, 'Tanh')).toHaveLength(3);
    const tanhs = nodesOf(graph, 'Tanh');
    expect(tanhs).toHaveLength(6);
    expect(opsOf(graph).filter((op) => op === 'Identity').length).toBeGreaterThan(0);
    for (const node of nodesOf(graph, 'Identity')) {
      expect(node.controls.length).toBeGreaterThan(0);
      for (const control of node.controls) expect(graph.nodes).toContain(control);
    }
    expect(new Set(tanhs.slice(3).map(({ phase }) => phase))).toEqual(new Set(['backward']));
    tf.dispose([x, ...weights]);
  });

  it('gives what the plain function gives', async () => {
    const { x, weights } = inputs();
    const results: Tensor[][] = [];
    for (const wrap of [plain, checkpoint as Wrap]) {
      const graph = RecordedFunction.record('checkpointed', [x, ...weights], () => {
        const { value, gradients } = valueAndGradients(() => network(wrap, x, weights), [x, ...weights]);
        return [value, ...(gradients as Tensor[])];
      });
      results.push(await graph.call([x, ...weights]));
      graph.dispose();
    }
    results[1]!.forEach((tensor, i) => expectSameNumbers(tensor, results[0]![i]!));
    tf.dispose([x, ...weights, ...results.flat()]);
  });

  it('holds at most 0.45 of the memory under sqrt segments of 32 layers, as traced', async () => {
    const [count, width, batch] = [32, 128, 2048];
    const segment = Math.ceil(Math.sqrt(count));
    const x = tf.tensor2d(scattered(batch * width), [batch, width]);
    const kernels = Array.from({ length: count }, (_, i) => tf.tensor2d(scattered(width * width, i), [width, width]));
    const chain = (...[start, ...at]: Tensor[]) =>
      at.reduce((value, kernel) => tf.relu(tf.matMul(value, kernel as tf.Tensor2D)), start!);
    /** The last segment's gradient is asked for at once. */
    const loss = (wrap: Wrap): Tensor => {
      let value: Tensor = x;
      for (let from = 0; from < count; from += segment) {
        const isLast = from + segment >= count;
        value = (isLast ? chain : wrap(chain))(value, ...kernels.slice(from, from + segment));
      }
      return tf.sum(tf.square(value));
    };
    const peakOf = async (wrap: Wrap): Promise<number> => {
      const graph = recordGraph([x, ...kernels], () => {
        const { value, gradients } = valueAndGradients(() => loss(wrap), kernels);
        return [value, ...(gradients as Tensor[])];
      });
      const { traces } = await traceGraph('a chain', graph, [x, ...kernels], RUNS);
      return Math.max(...traces.map(({ peakBytes }) => peakBytes));
    };
    // 0.33 as measured.
    const without = await peakOf(plain);
    expect(without).toBeGreaterThan(count * 4 * batch * width);
    expect((await peakOf(checkpoint)) / without).toBeLessThan(0.45);
    tf.dispose([x, ...kernels]);
  });
});
