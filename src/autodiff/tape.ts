import { tf, type Tensor } from '../engine/tfjs.js';

/** One recorded kernel on tfjs's tape. */
export interface TapeNode {
  readonly kernelName: string;
  readonly inputs: Record<string, Tensor>;
  readonly outputs: Tensor[];
  saved?: Tensor[];
  gradient?: (cotangents: (Tensor | null)[]) => Record<string, () => Tensor>;
  /** Of a call with complex tensors: the same without the disguise that tfjs's own backward pass needs. */
  typedGradient?: (cotangents: (Tensor | null)[]) => Record<string, () => Tensor>;
}

/** A kernel's attributes as tfjs passes them. */
export type KernelAttributes = Readonly<Record<string, unknown>>;

type AddTapeNode = (
  kernelName: string,
  inputs: Record<string, Tensor>,
  outputs: Tensor[],
  gradientsFunc: unknown,
  saved: Tensor[],
  attributes: KernelAttributes,
) => void;

/** The part of tfjs's engine that keeps the tape; tfjs declares it private. */
export interface TapeEngine {
  readonly state: { activeTape: TapeNode[] | null; gradientDepth: number; kernelDepth: number };
  addTapeNode: AddTapeNode;
  /** What is saved of a kernel for its gradient; an optional input that the call left out is there as `undefined`. */
  getTensorsForGradient(kernelName: string, inputs: Record<string, Tensor>, outputs: Tensor[]): (Tensor | undefined)[];
  gradients(...call: never[]): unknown;
  /** Hands out an id; those of tensors only grow, so that it tells what was made before from what was made after. */
  nextTensorId(): number;
}

export function tapeEngine(): TapeEngine {
  return tf.engine() as unknown as TapeEngine;
}

/** The transformations that are running, the innermost last. */
const frames: object[] = [];

/** The innermost running transformation that has a tape, or a part of one, of its own. */
export function currentFrame(): object | undefined {
  return frames.at(-1);
}

/** Whether a transformation is still running; so is what runs around all of them. */
export function isRunning(frame: object | undefined): boolean {
  return frame === undefined || frames.includes(frame);
}

/** Runs `fn` with the tape in another state, which is afterwards as it was before. */
export function withTapeState<T>(change: Partial<TapeEngine['state']>, fn: () => T): T {
  const { state } = tapeEngine();
  const { activeTape, gradientDepth, kernelDepth } = state;
  const frame = {};
  frames.push(frame);
  Object.assign(state, change);
  try {
    return fn();
  } finally {
    frames.splice(frames.indexOf(frame));
    Object.assign(state, { activeTape, gradientDepth, kernelDepth });
  }
}

/** Frees what a tape kept when the function being differentiated threw: tfjs leaves it alive. */
export function abandonTape(): void {
  const { state } = tapeEngine();
  if (state.gradientDepth > 0 || state.activeTape === null || state.activeTape === undefined) return;
  for (const node of state.activeTape) for (const tensor of node.saved ?? []) tensor.dispose();
  state.activeTape = null;
}

/**
 * Runs `fn`, which differentiates something of its own, from inside a backward pass. Under an outer tape it is recorded
 * like anything else; the outermost backward pass would lose its own tape to it, which is therefore put aside.
 */
export function withTapeAside<T>(fn: () => T): T {
  const { state } = tapeEngine();
  if (state.gradientDepth > 0) return fn();
  const outer = state.activeTape;
  try {
    return fn();
  } finally {
    state.activeTape = outer;
  }
}
