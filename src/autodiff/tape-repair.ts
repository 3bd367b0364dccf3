import { AGAIN_PART, currentScope, withScope, type Scope } from '../core/path-scope.js';
import { complexGradients, isComplexCall, pastTypeCheck } from './complex-gradients.js';
import { gradientsInTypesOf } from './gradient-types.js';
import { applyKernelRule, kernelRule, type Removable } from './register-kernel-vjp.js';
import type { Tensor } from '../engine/tfjs.js';
import { abandonTape, tapeEngine, type TapeNode } from './tape.js';

let installed: Removable | undefined;

/**
 * Mends five faults of tfjs's tape, by overrides of its engine's methods; safe to call again.
 *
 * - tfjs clones a kernel's saved outputs before it records the kernel, so that an outer tape sees them as constants and
 *   second-order gradients are wrong in silence. The kernel's node is moved before the clones.
 * - Kernels with a bool or int32 result (comparisons, arg max) have no gradient, or one that means nothing, and make
 *   `tf.where(tf.greater(x, 0), ...)` fail. They are constants to a derivative and are left off the tape.
 * - A kernel with an optional input, such as batch normalisation without a scale, fails where a call leaves it out.
 * - A gradient by a complex tensor is refused for its type.
 * - A backward pass that throws leaves what the tape kept alive.
 *
 * Besides, each gradient function runs at the path of the layer whose forward op it belongs to, in the backward phase,
 * and under mixed precision gives gradients in the types of the inputs.
 *
 * @see https://github.com/tensorflow/tfjs/issues/3252
 */
export function installTapeRepairs(): Removable {
  if (installed !== undefined) return installed;
  const engine = tapeEngine();
  const original = engine.addTapeNode;
  engine.addTapeNode = (kernelName, given, outputs, gradientsFunc, saved, attributes) => {
    const inputs = presentOnly(given);
    if (outputs.length > 0 && outputs.every(({ dtype }) => dtype !== 'float32' && dtype !== 'complex64')) {
      for (const tensor of saved ?? []) tensor.dispose();
      return;
    }
    original.call(engine, kernelName, inputs, outputs, gradientsFunc, saved, attributes);
    const tape = engine.state.activeTape;
    const node = tape?.pop();
    if (tape === null || node === undefined) return;
    const rule = gradientsFunc === null || gradientsFunc === undefined ? kernelRule(kernelName) : undefined;
    if (rule !== undefined) {
      node.gradient = (cotangents) =>
        applyKernelRule(kernelName, rule, { inputs, outputs, saved: saved ?? [] }, attributes, cotangents);
    }
    if (node.gradient !== undefined) {
      const isComplex = isComplexCall(inputs, outputs);
      if (isComplex) node.gradient = complexGradients(kernelName, node, gradientsFunc ?? undefined);
      node.gradient = inBackwardPhase(gradientsInTypesOf(inputs, node.gradient), currentScope());
      if (isComplex) {
        node.typedGradient = node.gradient;
        node.gradient = pastTypeCheck(node.gradient);
      }
    }
    tape.splice(positionBeforeConsumers(tape, node), 0, node);
  };
  const originalTensors = engine.getTensorsForGradient;
  engine.getTensorsForGradient = (...call) =>
    originalTensors.apply(engine, call).filter((tensor) => tensor !== undefined && tensor !== null);
  const originalGradients = engine.gradients;
  engine.gradients = (...call) => {
    const outer = engine.state.activeTape;
    try {
      return originalGradients.apply(engine, call);
    } catch (error) {
      if (engine.state.activeTape !== outer) abandonTape();
      throw error;
    }
  };
  installed = {
    remove: () => {
      if (installed === undefined) return;
      engine.addTapeNode = original;
      engine.getTensorsForGradient = originalTensors;
      engine.gradients = originalGradients;
      installed = undefined;
    },
  };
  return installed;
}

function presentOnly(inputs: Record<string, Tensor | null | undefined>): Record<string, Tensor> {
  const isPresent = (tensor: Tensor | null | undefined): tensor is Tensor => tensor !== undefined && tensor !== null;
  if (Object.values(inputs).every(isPresent)) return inputs as Record<string, Tensor>;
  return Object.fromEntries(
    Object.entries(inputs).flatMap(([name, tensor]) => (isPresent(tensor) ? [[name, tensor]] : [])),
  );
}

type Gradient = NonNullable<TapeNode['gradient']>;

function inBackwardPhase(gradient: Gradient, forward: Scope): Gradient {
  // What is computed from the second run of a checkpointed function is its gradient, and no second run.
  const part = forward.part === AGAIN_PART ? undefined : forward.part;
  return (cotangents) => {
    const scope: Scope = { ...forward, part, phase: 'backward' };
    const gradients = withScope(scope, () => gradient(cotangents));
    const placed: Record<string, () => Tensor> = {};
    for (const [name, compute] of Object.entries(gradients)) placed[name] = () => withScope(scope, compute);
    return placed;
  };
}

function positionBeforeConsumers(tape: readonly TapeNode[], node: TapeNode): number {
  let position = tape.length;
  while (position > 0 && consumes(tape[position - 1]!, node)) position--;
  return position;
}

function consumes(later: TapeNode, node: TapeNode): boolean {
  for (const name in later.inputs) {
    const id = later.inputs[name]?.id;
    if (node.outputs.some((output) => output.id === id)) return true;
  }
  return false;
}
