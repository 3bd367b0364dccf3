import { GradientError } from '../core/errors.js';
import { currentScope, withPhase, withScope } from '../core/path-scope.js';
import { formatShape } from '../core/shape.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { tapeEngine, withTapeState, type TapeNode } from './tape.js';

/** A node of the tape with the inputs that depend on what is differentiated by. */
interface ActiveNode {
  readonly node: TapeNode;
  readonly names: readonly string[];
}

/**
 * The part of a tape that leads from some inputs to some outputs; backward passes through it may be run again and again.
 *
 * Recorded under an outer tape it is a part of that tape, and lives as long. Alone it owns what the kernels saved.
 */
export class Pullback {
  private disposed = false;

  private constructor(
    private readonly nodes: readonly ActiveNode[],
    private readonly inputs: readonly Tensor[],
    private readonly outputs: readonly Tensor[],
    /** Kept alive for backward functions that use their inputs without saving them. */
    private readonly owned: readonly Tensor[],
  ) {}

  /**
   * Runs `fn` and writes down what leads from `inputs` to the tensors that it gives.
   *
   * @param inputs - fresh tensors, that nothing else depends on yet
   * @param fn - puts all results that shall live into what it returns
   */
  static record<Result>(
    inputs: readonly Tensor[],
    fn: () => { readonly outputs: readonly Tensor[]; readonly result: Result },
    persistent = false,
  ): { readonly pullback: Pullback; readonly result: Result } {
    const { state } = tapeEngine();
    const { activeTape, gradientDepth, kernelDepth } = state;
    // Inside a kernel or the forward function of a custom gradient an outer tape is there, but not written to.
    const alone = gradientDepth === 0 || kernelDepth > 0;
    const tape = alone ? [] : activeTape!;
    const start = tape.length;
    const scope = currentScope();
    return withTapeState({ activeTape: tape, gradientDepth: gradientDepth + 1, kernelDepth: 0 }, () => {
      try {
        let results: { readonly outputs: readonly Tensor[]; readonly result: Result } | undefined;
        tf.tidy(() => {
          results = withScope(scope, fn);
          return results as unknown as tf.TensorContainer;
        });
        const { outputs, result } = results!;
        const nodes = activeNodes(tape.slice(start), inputs, outputs);
        if (!alone) return { pullback: new Pullback(nodes, inputs, outputs, []), result };
        const used = new Set(nodes.map(({ node }) => node));
        for (const node of tape) if (!used.has(node)) tf.dispose(node.saved ?? []);
        const owned = nodes.flatMap(({ node }) => node.saved ?? []);
        if (persistent) owned.push(...inputs.map((input) => tf.keep(input)));
        return { pullback: new Pullback(nodes, inputs, outputs, owned), result };
      } catch (error) {
        if (alone) for (const node of tape) tf.dispose(node.saved ?? []);
        throw error;
      }
    });
  }

  /** The way through nodes that somebody else recorded, and frees. */
  static through(tape: readonly TapeNode[], inputs: readonly Tensor[], outputs: readonly Tensor[]): Pullback {
    return new Pullback(activeNodes(tape, inputs, outputs), inputs, outputs, []);
  }

  /**
   * One backward pass.
   *
   * @param cotangents - one for each output, `null` for none; they stay the caller's
   * @returns one for each input, which the caller owns; `null` where no output with a cotangent depends on it
   */
  backward(cotangents: readonly (Tensor | null)[]): (Tensor | null)[] {
    return tf.tidy(
      () => withPhase('backward', () => this.propagate(cotangents)) as unknown as tf.TensorContainer,
    ) as unknown as (Tensor | null)[];
  }

  /** Whether a kernel's saved tensors, and with them the way back, are gone. */
  get isDisposed(): boolean {
    return this.disposed || this.nodes.some(({ node }) => node.saved?.some((tensor) => tensor.isDisposed) === true);
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    for (const tensor of this.owned) tensor.dispose();
  }

  private propagate(cotangents: readonly (Tensor | null)[]): (Tensor | null)[] {
    const sums = new Map<number, Tensor>();
    const made = new Set<Tensor>();
    const wanted = new Set(this.inputs.map(({ id }) => id));
    const accumulate = ({ id }: Tensor, gradient: Tensor): void => {
      const current = sums.get(id);
      if (current === undefined) {
        sums.set(id, gradient);
        return;
      }
      const sum = tf.add(current, gradient);
      made.add(sum);
      sums.set(id, sum);
      for (const summand of [current, gradient]) if (made.delete(summand)) summand.dispose();
    };
    this.outputs.forEach((output, i) => {
      const cotangent = cotangents[i] ?? null;
      if (cotangent !== null) accumulate(output, cotangent);
    });
    for (const { node, names } of this.nodes.toReversed()) {
      const received = node.outputs.map(({ id }) => sums.get(id) ?? null);
      if (received.every((cotangent) => cotangent === null)) continue;
      const gradients = gradientsOf(node, names, received);
      for (const [i, name] of names.entries()) {
        const gradient = gradients[i]!;
        made.add(gradient);
        accumulate(node.inputs[name]!, gradient);
      }
      for (const { id } of node.outputs) {
        const done = sums.get(id);
        if (done === undefined || wanted.has(id)) continue;
        sums.delete(id);
        if (made.delete(done)) done.dispose();
      }
    }
    return this.inputs.map(({ id }) => {
      const gradient = sums.get(id);
      if (gradient === undefined) return null;
      return made.delete(gradient) ? gradient : gradient.clone();
    });
  }
}

function activeNodes(
  tape: readonly TapeNode[],
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
): readonly ActiveNode[] {
  const reached = new Set(inputs.map(({ id }) => id));
  const fromInputs: ActiveNode[] = [];
  for (const node of tape) {
    const names = Object.keys(node.inputs).filter((name) => {
      const input = node.inputs[name];
      return input !== undefined && input !== null && reached.has(input.id);
    });
    if (names.length === 0) continue;
    fromInputs.push({ node, names });
    for (const { id } of node.outputs) reached.add(id);
  }
  const leading = new Set(outputs.map(({ id }) => id));
  return fromInputs
    .toReversed()
    .filter(({ node, names }) => {
      if (!node.outputs.some(({ id }) => leading.has(id))) return false;
      for (const name of names) leading.add(node.inputs[name]!.id);
      return true;
    })
    .toReversed();
}

/** The gradients by some inputs of a kernel, each a tensor that nobody else holds. */
function gradientsOf(node: TapeNode, names: readonly string[], received: (Tensor | null)[]): Tensor[] {
  const { kernelName } = node;
  const gradient = node.typedGradient ?? node.gradient;
  if (gradient === undefined || gradient === null) {
    throw new GradientError('no-kernel-gradient', {
      where: `kernel "${kernelName}"`,
      expected: 'a kernel with a gradient between the inputs and the result',
      received: `"${kernelName}", which has none`,
      fix: `register one with registerKernelVjp("${kernelName}", ...), or put stopGradient() around its input`,
    });
  }
  return tf.tidy(() => {
    const first = tapeEngine().nextTensorId();
    // As tfjs does it: a gradient may look at which of its node's inputs are asked for.
    const asked = { ...node, inputs: Object.fromEntries(names.map((name) => [name, node.inputs[name]!])) };
    const lazy = gradient.call(asked, received);
    const taken = new Set<Tensor>();
    return names.map((name) => {
      const where = `gradient of kernel "${kernelName}" by its input "${name}"`;
      const compute = lazy[name];
      if (compute === undefined) {
        const given = Object.keys(lazy);
        throw new GradientError('rule-incomplete', {
          where,
          expected: `a function under the key "${name}"`,
          received: given.length === 0 ? 'none' : `functions for ${given.join(', ')}`,
        });
      }
      const result = compute();
      const { shape, dtype } = node.inputs[name]!;
      if (result.dtype !== dtype || !tf.util.arraysEqual(result.shape, shape)) {
        throw new GradientError(result.dtype === dtype ? 'rule-shape' : 'rule-dtype', {
          where,
          expected: `${dtype} ${formatShape(shape)}`,
          received: `${result.dtype} ${formatShape(result.shape)}`,
        });
      }
      // A rule may hand a cotangent or a saved tensor through.
      const own = result.id > first && !taken.has(result) && !result.kept ? result : result.clone();
      taken.add(own);
      return own;
    });
  });
}
