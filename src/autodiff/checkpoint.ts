import { GradientError } from '../core/errors.js';
import { AGAIN_PART, currentScope, withPart, withScope } from '../core/path-scope.js';
import { addedTo, captureSurroundings, journaled, replayed, type Journal } from '../core/replay.js';
import { formatShape } from '../core/shape.js';
import { recordedIds, runAfter } from '../engine/record/run-after.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { isVariableRead } from '../engine/variable-reads.js';
import { offTape } from './off-tape.js';
import { Pullback } from './pullback.js';
import { disposeSaved, TapeSegment } from './tape-segment.js';
import { tapeEngine, type TapeNode } from './tape.js';
import { flattenTree, unflattenTree, type TreeLeaf } from './tensor-tree.js';
import { checkFunction, refusePromise } from './traced-call.js';

/**
 * Makes a function that keeps nothing but its arguments for the backward pass, which computes the rest a second time.
 *
 * Formula: the same values and gradients as `fn`'s, to the bit; one more forward pass of `fn`. A chain of $n$ layers in
 * $\sqrt n$ checkpointed segments keeps about $2 \sqrt n$ activations instead of $n$.
 *
 * When to use: where activations, not weights, fill the memory: deep networks, large batches, large images. In models by
 * the option `checkpoint` of `compile` and `sequential`, or `@Checkpoint()` on a layer.
 *
 * Shapes: arguments and results are tensors or trees of tensors of any shapes; other arguments are passed on. Weights of
 * layers are found without being arguments. Draws made through a `CallContext` are the same in the second run, moving
 * statistics are staged once, and what a layer adds to the loss is differentiated. Works inside itself and at any order.
 *
 * @param fn - a function of its arguments and of layers: what else it uses has to be made inside
 * @returns a function with the arguments and results of `fn`
 * @throws GradientError [captured-tensor] for a float tensor from outside that is no argument; [kept-inside] where a
 *   tensor of the inside that is not returned is differentiated; [promise | not-a-function | tree-leaf]
 *
 * @example
 * ```ts
 * import { checkpoint, grad, tf } from 'adjoint';
 *
 * const gelu = checkpoint((x: tf.Tensor) => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.div(x, Math.SQRT2)), 1)));
 * console.log(grad((x) => tf.sum(gelu(x)))(tf.tensor1d([0, 1])).dataSync()); // 0.5, 1.083
 * ```
 *
 * @see Chen et al., "Training deep nets with sublinear memory cost" (2016), https://arxiv.org/abs/1604.06174
 */
export function checkpoint<Args extends readonly unknown[], Result>(
  fn: (...args: Args) => Result,
): (...args: Args) => Result {
  checkFunction(fn, 'checkpoint');
  return (...args) => {
    const { state } = tapeEngine();
    const onTape = state.gradientDepth > 0 && state.kernelDepth === 0 && !off;
    if (!onTape) return checked(fn(...args));
    return applyCheckpointed(fn as unknown as (...args: unknown[]) => Result, args);
  };
}

let off = false;

/** Runs `fn` with checkpointed functions run like any other; internal to memory reports. */
export function withoutCheckpoints<T>(fn: () => T): T {
  const outer = off;
  off = true;
  try {
    return fn();
  } finally {
    off = outer;
  }
}

function applyCheckpointed<Result>(fn: (...args: unknown[]) => Result, args: readonly unknown[]): Result {
  const leaves = args.map((arg, i) => (holdsTensors(arg) ? flattenTree(arg, `argument ${i} of ${WHERE}`) : []));
  const given = leaves.flat().map(({ tensor }, i) => checkArgument(tensor, i));
  const engine = tapeEngine();
  const scope = currentScope();
  const surround = captureSurroundings();
  const start = engine.state.activeTape!.length;
  const first = engine.nextTensorId();
  const { run, nodes } = runForward(() => fn(...args), start);
  const { journal } = run;

  const segment = new TapeSegment(nodes, first, new Set(given.map(({ id }) => id)));
  const isMade = run.added.map((tensor) => tensor.id >= first && tensor.dtype === 'float32');
  const added = run.added.filter((_, i) => isMade[i]);
  const floats = run.leaves.map(({ tensor }) => tensor.dtype === 'float32');
  const weights = segment.captured([...run.leaves.map(({ tensor }) => tensor), ...added]);
  for (const tensor of weights) if (!(tensor instanceof tf.Variable || isVariableRead(tensor))) throw captured(tensor);

  // Each result is a tensor of its own, made here: what was passed through is told apart from the argument.
  const taken = new Set<number>();
  const results = run.leaves.map(({ tensor }) => {
    const own = tensor.id >= first && !taken.has(tensor.id) ? tensor : offTape(() => tensor.clone());
    taken.add(own.id);
    return own;
  });
  const outputs = [...results.filter((_, i) => floats[i]), ...added];
  const escaped = nodes
    .flatMap((node) => node.outputs)
    .filter((tensor) => !tensor.isDisposed && !outputs.includes(tensor) && tensor.dtype === 'float32');
  const inputs: Record<string, Tensor> = {};
  given.forEach((tensor, i) => tensor.dtype === 'float32' && (inputs[`argument ${i}`] = tensor));
  weights.forEach((tensor, i) => (inputs[`weight ${i}`] = tensor));
  if (outputs.length > 0 && Object.keys(inputs).length > 0) {
    const saved: Tensor[] = [];
    const again: Recomputation = {
      saved,
      weights,
      outputs: outputs.length,
      after: recordedIds(outputs),
      // What surrounded the first run surrounds the second, in the backward phase.
      surround: (body) => withScope({ ...scope, phase: 'backward' }, () => surround(() => replayed(journal, body))),
      run: (copies) => {
        let next = 0;
        const placed = args.map((arg, i) =>
          leaves[i]!.length === 0 ? arg : unflattenTree(arg, copies.slice(next, (next += leaves[i]!.length))),
        );
        const second = flattenTree(fn(...placed), RESULT).map(({ tensor }) => tensor);
        checkAlike(second, results);
        return [...second.filter((_, i) => floats[i]), ...tensorsAddedTo(journal).filter((_, i) => isMade[i])];
      },
    };
    engine.addTapeNode(WHERE, inputs, [...outputs, ...escaped], () => ({}), saved, {});
    const node = engine.state.activeTape!.at(-1)!;
    // The node that it is called on has the inputs alone that are differentiated by.
    node.gradient = function (this: TapeNode | undefined, cotangents) {
      return gradientsOf(again, Object.keys(this?.inputs ?? inputs), cotangents);
    };
    for (const tensor of given) saved.push(tf.keep(tf.clone(tensor)));
  }
  return unflattenTree(run.result, results) as Result;
}

const WHERE = 'checkpoint';
const RESULT = `the result of the function given to ${WHERE}`;

interface Recomputation {
  /** The tensors among the arguments. */
  readonly saved: readonly Tensor[];
  readonly weights: readonly Tensor[];
  /** How many results are differentiated; kept tensors of the inside follow them in the node. */
  readonly outputs: number;
  /** Native ids of the first run's results, in a recording. */
  readonly after: readonly number[];
  readonly surround: <T>(body: () => T) => T;
  readonly run: (copies: readonly Tensor[]) => Tensor[];
}

/** Runs the function on the tape, takes it off again, and frees all but what it gives. */
function runForward<Result>(fn: () => Result, start: number) {
  const { state } = tapeEngine();
  const cut = (): TapeNode[] => {
    const nodes = state.activeTape!.splice(start);
    nodes.forEach(disposeSaved);
    return nodes;
  };
  try {
    let run: { result: Result; leaves: readonly TreeLeaf[]; added: readonly Tensor[]; journal: Journal } | undefined;
    tf.tidy(() => {
      const { result, journal } = journaled(() => checked(fn()));
      run = { result, leaves: flattenTree(result, RESULT), added: tensorsAddedTo(journal), journal };
      return [...run.leaves.map(({ tensor }) => tensor), ...run.added];
    });
    return { run: run!, nodes: cut() };
  } catch (error) {
    cut();
    throw error;
  }
}

/** Runs the function again and goes back through it, for the inputs that are asked for. */
function gradientsOf(
  again: Recomputation,
  asked: readonly string[],
  cotangents: readonly (Tensor | null)[],
): Record<string, () => Tensor> {
  const { saved, weights, outputs, after, surround, run } = again;
  if (cotangents.slice(outputs).some((cotangent) => cotangent !== null)) throw keptInside();
  const received = cotangents.slice(0, outputs);
  const wait = [...after, ...recordedIds(received.filter((cotangent) => cotangent !== null))];
  const gradients = tf.tidy(() =>
    surround(() => {
      const copies = saved.map((tensor) => tf.clone(tensor));
      const inputs = asked.map((name) => {
        const [kind, index] = name.split(' ') as [string, string];
        return (kind === 'weight' ? weights : copies)[Number(index)]!;
      });
      const { pullback } = Pullback.record(inputs, () => {
        const results = runAfter(wait, () => withPart(AGAIN_PART, () => run(copies)));
        return { outputs: results, result: results };
      });
      try {
        return pullback.backward(received).map((gradient, i) => gradient ?? tf.zerosLike(inputs[i]!));
      } finally {
        pullback.dispose();
      }
    }),
  );
  return Object.fromEntries(asked.map((name, i) => [name, () => gradients[i]!]));
}

function tensorsAddedTo(journal: Journal): Tensor[] {
  return addedTo(journal) as Tensor[];
}

function checked<Result>(result: Result): Result {
  refusePromise(result, WHERE);
  return result;
}

/** Other arguments, such as a layer's context or a number, are passed on. */
function holdsTensors(arg: unknown): boolean {
  if (arg instanceof tf.Tensor) return true;
  if (typeof arg !== 'object' || arg === null) return false;
  const isPlain = Array.isArray(arg) || Object.getPrototypeOf(Object.getPrototypeOf(arg) ?? {}) === null;
  return isPlain && Object.values(arg).some(holdsTensors);
}

function checkArgument(tensor: Tensor, index: number): Tensor {
  const where = `tensor ${index} among the arguments of a checkpointed function`;
  if (tensor.isDisposed) {
    throw new GradientError('disposed-input', { where, expected: 'a living tensor', received: 'a disposed one' });
  }
  if (tensor.dtype === 'complex64') {
    throw new GradientError('complex-input', {
      where,
      expected: 'a real tensor',
      received: 'dtype complex64',
      fix: 'pass real and imaginary part, and put them together inside: tf.complex(real, imaginary)',
    });
  }
  return tensor;
}

function captured(tensor: Tensor): GradientError {
  return new GradientError('captured-tensor', {
    where: 'a checkpointed function',
    expected: 'a function of its arguments and of weights, which is run a second time later on',
    received: `a tensor of shape ${formatShape(tensor.shape)} from outside, the gradient by which would be lost`,
    fix: 'pass it as an argument, make it inside, or make it a weight of a layer',
  });
}

function checkAlike(second: readonly Tensor[], first: readonly Tensor[]): void {
  const describe = (tensors: readonly Tensor[]): string =>
    tensors.map(({ dtype, shape }) => `${dtype} ${formatShape(shape)}`).join(', ') || 'nothing';
  const [expected, received] = [describe(first), describe(second)];
  if (expected === received) return;
  throw new GradientError('checkpoint-differs', {
    where: 'a checkpointed function, run the second time',
    expected,
    received,
    fix: 'let it depend on its arguments and on weights alone, not on counters or clocks',
  });
}

function keptInside(): GradientError {
  return new GradientError('kept-inside', {
    where: 'a checkpointed function',
    expected: 'only what it returns to be differentiated',
    received: 'a tensor that it made, kept and did not return, the gradient through which would be lost',
    fix: 'return it beside the result, e.g. { value, side }',
  });
}
