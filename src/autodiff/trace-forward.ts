import { currentScope } from '../core/path-scope.js';
import { captureUserFrame } from '../engine/record/user-frame.js';
import { tf, type Tensor } from '../engine/tfjs.js';
import { operationName } from '../engine/watch-tensors.js';
import { withoutCheckpoints } from './checkpoint.js';
import { disposeSaved } from './tape-segment.js';
import { tapeEngine, withTapeState, type TapeNode } from './tape.js';

/** A place in a forward pass. */
export interface TracedPlace {
  /** Path of the innermost layer, `''` outside of layers. */
  readonly path: string;
  /** The line of the user's code, ` at file:line:column`; empty where there is none. */
  readonly frame: () => string;
}

/** A kernel that a forward pass ran; tensors are named by their ids. */
export interface TracedOp extends TracedPlace {
  readonly kernel: string;
  /** The function of `tf` that was called, e.g. `argMax`. */
  readonly name: string;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** Whether all results are of a type that has no derivative. */
  readonly isInteger: boolean;
  /** Whether it ran where nothing is recorded for a derivative. */
  readonly isOffTape: boolean;
  /** The custom rule whose function ran it. */
  readonly rule: string | undefined;
}

/** Values that were read on the host. */
export interface TracedRead extends TracedPlace {
  readonly tensors: readonly number[];
}

/** What leads from a kernel's inputs to its outputs for a derivative. */
export interface TracedEdge {
  readonly kernel: string;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

/** A forward pass as data: what was computed from what, and through what of it a derivative finds its way. */
export interface ForwardTrace {
  readonly ops: readonly TracedOp[];
  readonly reads: readonly TracedRead[];
  readonly tape: readonly TracedEdge[];
}

type KernelParameters = { readonly kernelName?: string; readonly inputs: Readonly<Record<string, Tensor | undefined>> };

interface TracedEngine {
  runKernelFunc(parameters: KernelParameters): Tensor | Tensor[];
  readSync(dataId: object): unknown;
  read(dataId: object): unknown;
  readonly state: { readonly scopeStack: readonly { readonly name: string }[]; readonly activeTape: unknown };
}

/** Runs a forward pass once, op by op, and writes down what it does; what it makes is freed. */
export function traceForward(forward: () => void): ForwardTrace {
  const engine = tapeEngine() as unknown as TracedEngine;
  const { runKernelFunc, readSync, read } = engine;
  const tape: TapeNode[] = [];
  const ops: TracedOp[] = [];
  const reads: TracedRead[] = [];
  const tensorsOf = new Map<object, number[]>();
  const note = (tensor: Tensor): number => {
    const known = tensorsOf.get(tensor.dataId);
    if (known === undefined) tensorsOf.set(tensor.dataId, [tensor.id]);
    else if (!known.includes(tensor.id)) known.push(tensor.id);
    return tensor.id;
  };
  const noteRead = (dataId: object): void => {
    const { path } = currentScope();
    reads.push({ tensors: tensorsOf.get(dataId) ?? [], path, frame: captureUserFrame() });
  };
  Object.assign(engine, {
    runKernelFunc: (parameters: KernelParameters) => {
      const name = operationName(engine);
      const isOffTape = engine.state.activeTape !== tape;
      const frame = captureUserFrame();
      const made = runKernelFunc.call(engine, parameters);
      const outputs = Array.isArray(made) ? made : [made];
      const { path, rule } = currentScope();
      ops.push({
        kernel: parameters.kernelName ?? name,
        name,
        inputs: Object.values(parameters.inputs).flatMap((input) => (input instanceof tf.Tensor ? [note(input)] : [])),
        outputs: outputs.map(note),
        isInteger: outputs.every(({ dtype }) => dtype !== 'float32' && dtype !== 'complex64'),
        isOffTape,
        rule,
        path,
        frame,
      });
      return made;
    },
    readSync: (dataId: object) => {
      noteRead(dataId);
      return readSync.call(engine, dataId);
    },
    read: (dataId: object) => {
      noteRead(dataId);
      return read.call(engine, dataId);
    },
  });
  try {
    withTapeState({ activeTape: tape, gradientDepth: 1, kernelDepth: 0 }, () => {
      withoutCheckpoints(() => tf.tidy(forward));
    });
    return { ops, reads, tape: tape.filter(({ gradient }) => typeof gradient === 'function').map(edgeOf) };
  } finally {
    for (const name of ['runKernelFunc', 'readSync', 'read']) Reflect.deleteProperty(engine, name);
    tape.forEach(disposeSaved);
  }
}

function edgeOf({ kernelName, inputs, outputs }: TapeNode): TracedEdge {
  return {
    kernel: kernelName,
    inputs: Object.values(inputs).map(({ id }) => id),
    outputs: outputs.map(({ id }) => id),
  };
}
