import { describe, expect, it } from '@jest/globals';
import { grad } from '../../src/autodiff/grad.js';
import { hessian } from '../../src/autodiff/hessian.js';
import { hvp } from '../../src/autodiff/hvp.js';
import { mapTree } from '../../src/autodiff/tensor-tree.js';
import { inFloat64, readFloat64 } from '../../src/engine/float64.js';
import { recorded } from '../../src/engine/record/recorded.js';
import { startEngine } from '../../src/engine/start-engine.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import { useTestEngine } from '../helpers/engine.js';
import { scattered } from '../helpers/two-modes.js';

const SIZES = [10, 40, 30, 10];
const BATCH = 16;
const CALLS = 1000;
/** Both sides are float64 and differ by the rounding of sums of some thousand terms. */
const FLOAT64_TOLERANCE = 1e-12;
/** Reverse over reverse: a forward and a backward pass, and the backward pass of both. */
const MOST_GRADIENTS = 4;

type Weights = Record<string, Tensor>;

/** About 2,000 weights: tanh layers with softmax cross-entropy. */
function makeNet(sizes: readonly number[]) {
  const x = scattered([BATCH, sizes[0]!], 1);
  const labels = tf.tidy(() => tf.softmax(scattered([BATCH, sizes.at(-1)!], 2)));
  const weights: Weights = {};
  for (const [layer, inputs] of sizes.slice(0, -1).entries()) {
    weights[`w${layer}`] = scattered([inputs, sizes[layer + 1]!], layer + 3);
    weights[`b${layer}`] = scattered([sizes[layer + 1]!], layer + 9);
  }
  const vector = mapTree(({ shape }) => scattered(shape, shape.length), weights);
  const loss = (w: Weights): Tensor => {
    let a = x;
    for (let layer = 0; layer < sizes.length - 1; layer++) {
      const z = tf.add(tf.matMul(a as tf.Tensor2D, w[`w${layer}`] as tf.Tensor2D), w[`b${layer}`]!);
      a = layer === sizes.length - 2 ? z : tf.tanh(z);
    }
    return tf.neg(tf.mean(tf.sum(tf.mul(labels, tf.logSoftmax(a)), -1)));
  };
  const dispose = () => tf.dispose([x, labels, weights, vector] as unknown as tf.TensorContainer);
  return { weights, vector, loss, dispose };
}

const live = () => {
  const { tensors, handles, variables } = startEngine().counters();
  return [tensors, handles, variables];
};

function opsOf(compute: () => unknown): number {
  const before = startEngine().counters().executedOps;
  tf.dispose(compute() as tf.TensorContainer);
  return startEngine().counters().executedOps - before;
}

describe('hvp on a net', () => {
  useTestEngine();

  it('is the Hessian times the vector, in float64', () => {
    const net = makeNet(SIZES);
    const names = Object.keys(net.weights);
    const size = Object.values(net.weights).reduce((sum, weight) => sum + weight.size, 0);
    expect(size).toBe(1980);
    const [worst, largest] = inFloat64(() =>
      tf.tidy(() => {
        const blocks = hessian(net.loss)(net.weights);
        const { product } = hvp(net.loss, net.weights, net.vector);
        let found = [0, 0] as [number, number];
        for (const row of names) {
          const terms = names.map((column) => {
            const v = net.vector[column]!;
            const block = tf.reshape(blocks[row]![column]!, [net.weights[row]!.size, v.size]);
            return tf.matMul(block, tf.reshape(v, [v.size, 1]));
          });
          const wanted = readFloat64(tf.addN(terms));
          readFloat64(product[row]!).forEach((value, i) => {
            found = [Math.max(found[0], Math.abs(value - wanted[i]!)), Math.max(found[1], Math.abs(wanted[i]!))];
          });
        }
        return found;
      }),
    );
    expect(largest).toBeGreaterThan(1e-2);
    expect(worst / largest).toBeLessThan(FLOAT64_TOLERANCE);
    net.dispose();
  });

  it('runs a few times the ops of a gradient, whatever the number of weights', () => {
    const ops = [SIZES, [3, 4, 5, 2]].map((sizes) => {
      const net = makeNet(sizes);
      const gradient = opsOf(() => grad(net.loss)(net.weights));
      const product = opsOf(() => hvp(net.loss, net.weights, net.vector));
      net.dispose();
      return [gradient, product];
    });
    expect(ops[0]).toEqual(ops[1]);
    expect(ops[0]![1]! / ops[0]![0]!).toBeLessThanOrEqual(MOST_GRADIENTS);
  });

  it('leaves the counters where they were over many calls, eager and recorded', async () => {
    const net = makeNet(SIZES);
    const names = Object.keys(net.weights);
    // Tensors made from JavaScript get a native handle when they are first used.
    tf.dispose(hvp(net.loss, net.weights, net.vector) as unknown as tf.TensorContainer);
    const start = live();
    for (let call = 0; call < CALLS; call++) {
      tf.dispose(hvp(net.loss, net.weights, net.vector) as unknown as tf.TensorContainer);
      if (call % 100 === 99) expect(live()).toEqual(start);
    }
    const graph = recorded((...given: Tensor[]) => {
      const [w, v] = [given.slice(0, names.length), given.slice(names.length)].map((list) =>
        Object.fromEntries(names.map((name, i) => [name, list[i]!])),
      );
      return hvp(net.loss, w!, v!).product;
    });
    const given = [...Object.values(net.weights), ...Object.values(net.vector)];
    tf.dispose(await graph(...given));
    const settled = live();
    for (let call = 0; call < CALLS; call++) {
      tf.dispose(await graph(...given));
      if (call % 100 === 99) expect(live()).toEqual(settled);
    }
    expect(graph.recordings).toBe(1);
    graph.dispose();
    net.dispose();
  });
});
