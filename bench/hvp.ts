// Hessian-vector products against the Hessian, against a gradient, and over many calls: `npm run hvp`. Exits with 1 where a
// product is wrong or a counter of live objects moved; `--json` prints the numbers as one object on the last line.
import Table from 'cli-table3';
import { grad, hessian, hvp, inFloat64, jvp, readFloat64, recorded, startEngine, tf, vjp, type Tensor } from 'adjoint';

type Weights = Record<string, Tensor>;

const CALLS = 1000;
const REPEATS = 200;
/** Both sides are float64: what they differ by is rounding over some thousand terms. */
const TOLERANCE = 1e-6;
const MOST_GRADIENTS = 4;

/** Numbers in [-1, 1] that are the same in every run. */
function scattered(shape: number[], phase: number): Tensor {
  const size = shape.reduce((product, dimension) => product * dimension, 1);
  return tf.tensor(
    Float32Array.from({ length: size }, (_, i) => Math.sin(12.9898 * (i + 1) + 78.233 * phase)),
    shape,
  );
}

/** A network of tanh layers with softmax cross-entropy, as functions of its weights. */
class Net {
  readonly weights: Weights = {};
  readonly vector: Weights = {};
  readonly x: Tensor;
  private readonly labels: Tensor;
  private readonly depth: number;

  constructor(sizes: readonly number[], batch: number) {
    this.depth = sizes.length - 1;
    this.x = scattered([batch, sizes[0]!], 1);
    const classes = sizes.at(-1)!;
    this.labels = tf.tidy(() =>
      tf.oneHot(
        tf.tensor1d(
          Array.from({ length: batch }, (_, i) => i % classes),
          'int32',
        ),
        classes,
      ),
    );
    for (let layer = 0; layer < this.depth; layer++) {
      const [inputs, units] = [sizes[layer]!, sizes[layer + 1]!];
      this.weights[`w${layer}`] = tf.tidy(() => tf.div(scattered([inputs, units], layer + 2), Math.sqrt(inputs)));
      this.weights[`b${layer}`] = tf.zeros([units]);
      this.vector[`w${layer}`] = scattered([inputs, units], layer + 20);
      this.vector[`b${layer}`] = scattered([units], layer + 40);
    }
  }

  get size(): number {
    return Object.values(this.weights).reduce((sum, { size }) => sum + size, 0);
  }

  readonly logits = (weights: Weights): Tensor => {
    let a = this.x;
    for (let layer = 0; layer < this.depth; layer++) {
      const z = tf.add(tf.matMul(a as tf.Tensor2D, weights[`w${layer}`] as tf.Tensor2D), weights[`b${layer}`]!);
      a = layer === this.depth - 1 ? z : tf.tanh(z);
    }
    return a;
  };

  readonly loss = (weights: Weights): Tensor =>
    tf.neg(tf.mean(tf.sum(tf.mul(this.labels, tf.logSoftmax(this.logits(weights))), -1)));

  /** The tangent of the logits by rules written out by hand: the least that forward mode can cost. */
  readonly tangentByHand = (weights: Weights, tangents: Weights): Tensor => {
    let [a, da]: [Tensor, Tensor | undefined] = [this.x, undefined];
    for (let layer = 0; layer < this.depth; layer++) {
      const [w, dw] = [weights[`w${layer}`] as tf.Tensor2D, tangents[`w${layer}`] as tf.Tensor2D];
      const z = tf.add(tf.matMul(a as tf.Tensor2D, w), weights[`b${layer}`]!);
      let dz: Tensor = tf.add(tf.matMul(a as tf.Tensor2D, dw), tangents[`b${layer}`]!);
      if (da !== undefined) dz = tf.add(dz, tf.matMul(da as tf.Tensor2D, w));
      if (layer === this.depth - 1) return dz;
      a = tf.tanh(z);
      da = tf.mul(dz, tf.sub(1, tf.square(a)));
    }
    throw new Error('a net without layers');
  };

  dispose(): void {
    tf.dispose([this.weights, this.vector, this.x, this.labels] as unknown as tf.TensorContainer);
  }
}

/** The largest difference between `hvp` and the product with the whole Hessian, relative to the largest element. */
function distanceFromHessian(net: Net): number {
  return inFloat64(() =>
    tf.tidy(() => {
      const names = Object.keys(net.weights);
      const blocks = hessian(net.loss)(net.weights);
      const { product } = hvp(net.loss, net.weights, net.vector);
      let [worst, largest] = [0, 0];
      for (const row of names) {
        const rows = net.weights[row]!.size;
        const terms = names.map((column) => {
          const v = net.vector[column]!;
          return tf.matMul(tf.reshape(blocks[row]![column]!, [rows, v.size]), tf.reshape(v, [v.size, 1]));
        });
        const wanted = readFloat64(tf.addN(terms));
        readFloat64(product[row]!).forEach((value, i) => {
          worst = Math.max(worst, Math.abs(value - wanted[i]!));
          largest = Math.max(largest, Math.abs(wanted[i]!));
        });
      }
      return worst / largest;
    }),
  );
}

/** Whether tensors, handles and variables are the same after every call. */
function countersStayFlat(net: Net): boolean {
  const live = () => {
    const { tensors, handles, variables } = startEngine().counters();
    return `${tensors} ${handles} ${variables}`;
  };
  // Tensors made from JavaScript get a native handle when they are first used.
  tf.dispose(hvp(net.loss, net.weights, net.vector) as unknown as tf.TensorContainer);
  const start = live();
  for (let call = 0; call < CALLS; call++) {
    const result = hvp(net.loss, net.weights, net.vector);
    tf.dispose(result as unknown as tf.TensorContainer);
    if (live() !== start) return false;
  }
  return true;
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

/** Median milliseconds of each, measured in turn so that other work on the machine strikes all alike. */
async function times(variants: Readonly<Record<string, () => Promise<void> | void>>): Promise<Record<string, number>> {
  const found: Record<string, number[]> = {};
  for (let repeat = -10; repeat < REPEATS; repeat++) {
    for (const [name, run] of Object.entries(variants)) {
      const begin = performance.now();
      await run();
      if (repeat >= 0) (found[name] ??= []).push(performance.now() - begin);
    }
  }
  return Object.fromEntries(Object.entries(found).map(([name, values]) => [name, median(values)]));
}

function computations(net: Net): Record<string, () => Tensor[]> {
  const { loss, logits, weights, vector } = net;
  return {
    loss: () => [loss(weights)],
    gradient: () => Object.values(grad(loss)(weights)),
    hvp: () => Object.values(hvp(loss, weights, vector).product),
    logits: () => [logits(weights)],
    jvp: () => [jvp(logits, [weights], [vector]).tangent],
    'tangent by hand': () => [net.tangentByHand(weights, vector)],
  };
}

async function timesOf(net: Net): Promise<{ eager: Record<string, number>; recorded: Record<string, number> }> {
  const all = computations(net);
  const each = (run: (fn: () => Tensor[], name: string) => Promise<void> | void) =>
    Object.fromEntries(Object.entries(all).map(([name, fn]) => [name, () => run(fn, name)]));
  const finish = (results: readonly Tensor[]): void => {
    results[0]!.dataSync();
    tf.dispose([...results]);
  };
  const eager = await times(each((fn) => finish(tf.tidy(fn))));
  // The weights are arguments, so that TensorFlow cannot compute with them in advance.
  const names = Object.keys(net.weights);
  const graphs = Object.fromEntries(
    Object.keys(all).map((name) => [
      name,
      recorded((...given: Tensor[]) => {
        const weights = Object.fromEntries(names.map((key, i) => [key, given[i]!]));
        const vector = Object.fromEntries(names.map((key, i) => [key, given[names.length + i]!]));
        return computations({ ...net, weights, vector, tangentByHand: net.tangentByHand } as Net)[name]!();
      }),
    ]),
  );
  const given = [...Object.values(net.weights), ...Object.values(net.vector)];
  const inGraph = await times(each(async (_fn, name) => finish((await graphs[name]!(...given)) as Tensor[])));
  for (const graph of Object.values(graphs)) graph.dispose();
  return { eager, recorded: inGraph };
}

/** Milliseconds of one more product where the part that does not depend on the vector was computed before. */
async function timeOfFurtherProduct(net: Net): Promise<number> {
  const { value, backward, dispose } = vjp(grad(net.loss), net.weights);
  const found = await times({
    product: () => {
      const products = backward(net.vector);
      products[0]['w0']!.dataSync();
      tf.dispose(products as unknown as tf.TensorContainer);
    },
  });
  dispose();
  tf.dispose(value);
  return found['product']!;
}

const small = new Net([10, 40, 30, 10], 64);
const distance = distanceFromHessian(small);
const flat = countersStayFlat(small);
const large = new Net([100, 400, 300, 10], 64);
const table = new Table({
  head: ['weights', 'mode', ...Object.keys(computations(small)).map((name) => `${name}, ms`), 'hvp / gradient'],
  style: { head: [], border: [], compact: true },
});
const ratios: Record<string, number> = {};
for (const net of [small, large]) {
  for (const [mode, found] of Object.entries(await timesOf(net))) {
    const ratio = found['hvp']! / found['gradient']!;
    ratios[`${net.size} ${mode}`] = ratio;
    table.push([net.size, mode, ...Object.values(found).map((ms) => ms.toFixed(3)), ratio.toFixed(2)]);
  }
}
const further = await timeOfFurtherProduct(small);
console.log(table.toString());
console.log(`one more product at the same point, eager: ${further.toFixed(3)} ms`);
console.log(
  `hvp against hessian times v, ${small.size} weights, float64: relative difference ${distance.toExponential(1)}`,
);
console.log(`live objects over ${CALLS} calls: ${flat ? 'flat' : 'MOVED'}`);
const slowest = Math.max(...Object.values(ratios));
console.log(`hvp takes at most ${slowest.toFixed(2)} gradients (goal ${MOST_GRADIENTS})`);
if (process.argv.includes('--json')) {
  console.log(
    JSON.stringify({ weights: small.size, difference: distance, flat, calls: CALLS, hvpPerGradient: ratios }),
  );
}
small.dispose();
large.dispose();
if (!(distance < TOLERANCE) || !flat) process.exitCode = 1;
