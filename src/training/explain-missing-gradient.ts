import { traceForward, type ForwardTrace, type TracedOp } from '../autodiff/trace-forward.js';
import type { Batch } from '../data/example.js';
import { withPrecision } from '../engine/precision/mixed-precision.js';
import type { Tensor } from '../engine/tfjs.js';
import { withVariableReads } from '../engine/variable-reads.js';
import { CallContext } from '../layers/call-context.js';
import { batchLoss } from './batch-loss.js';
import { chooseWeights } from './choose-weights.js';
import { rehearse } from './custom-step.js';
import { disposeBatch, toDeviceBatch, type DeviceBatch } from './device-batch.js';
import type { StepContext } from './step-context.js';
import type { TrainState } from './train-state.js';
import type { Trainable } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';

/** What cuts a weight off from the loss. */
export type MissingGradientReason =
  'not-used' | 'result-not-used' | 'stop-gradient' | 'non-differentiable' | 'custom-rule' | 'host-read' | 'unknown';

/** Why a weight has no gradient, or one that is zero whatever the values are. */
export interface MissingGradient {
  /** Path of the weight. */
  readonly weight: string;
  readonly reason: MissingGradientReason;
  /** The operation at which the derivative ends, e.g. `argMax`; empty where there is none. */
  readonly op: string;
  /** Path of the layer that ran it, `''` outside of layers. */
  readonly layer: string;
  /** `file:line:column` in the user's code; empty where there is none. */
  readonly line: string;
  /** A sentence. */
  readonly message: string;
}

/** Kernels that the tape knows and whose derivative is zero wherever there is one. */
const FLAT: ReadonlySet<string> = new Set([
  ...['ArgMax', 'ArgMin', 'Ceil', 'Floor', 'Round', 'Sign', 'Step', 'GreaterEqual'],
  ...['IsFinite', 'IsInf', 'IsNan'],
]);

/** Kernels that take nothing but the shape of their input. */
const OF_SHAPE: ReadonlySet<string> = new Set(['OnesLike', 'ZerosLike']);

/** A loss and the weights that it is to train. */
interface Objective {
  readonly loss: number;
  readonly weights: ReadonlySet<string>;
}

/**
 * Runs the forward pass of a batch once more, op by op, and finds for each weight where the way to the loss ends.
 *
 * Changes nothing. Paths for which a way is there are left out.
 */
export function explainMissingGradients(
  model: Trainable,
  plan: TrainingPlan,
  state: TrainState,
  hostBatch: Batch,
  paths: readonly string[],
): readonly MissingGradient[] {
  const batch = toDeviceBatch(hostBatch);
  const weights = [...model.weightTree()].map(([path, weight]) => ({
    path,
    ...weight,
    value: weight.handle.variable.read(),
  }));
  const objectives: Objective[] = [];
  try {
    const reads = new Map(weights.map(({ handle, value }) => [handle.variable, value]));
    const trace = traceForward(() =>
      withVariableReads(reads, () =>
        withPrecision(plan.precision, plan.isFloat32, () => {
          objectives.push(...lossesOf(model, plan, state, batch));
        }),
      ),
    );
    return weights.flatMap(({ path, value }) => {
      if (!paths.includes(path)) return [];
      const own = objectives.filter((objective) => objective.weights.has(path));
      const losses = new Set((own.length > 0 ? own : objectives).map(({ loss }) => loss));
      return explain(path, value.id, losses, trace) ?? [];
    });
  } finally {
    for (const { value } of weights) value.dispose();
    disposeBatch(batch);
  }
}

function lossesOf(model: Trainable, plan: TrainingPlan, state: TrainState, batch: DeviceBatch): Objective[] {
  if (model.trainStep !== undefined) return lossesOfOwnStep(model, plan, state, batch);
  const context = new CallContext({ training: true, seed: plan.seed, step: state.randomStep.read() });
  try {
    const trained = [...model.weightTree()].filter(([, { trainable }]) => trainable);
    const { loss } = batchLoss(
      model,
      plan,
      batch,
      context,
      trained.map(([, weight]) => weight),
    );
    return [{ loss: loss.id, weights: new Set(trained.map(([path]) => path)) }];
  } finally {
    context.dispose();
  }
}

/** Rehearses the model's own step, which updates nothing, and listens for what it minimises. */
function lossesOfOwnStep(model: Trainable, plan: TrainingPlan, state: TrainState, batch: DeviceBatch): Objective[] {
  const found: Objective[] = [];
  const step = model.trainStep!;
  const own = Object.getOwnPropertyDescriptor(model, 'trainStep');
  const listening = (given: DeviceBatch, context: StepContext): Readonly<Record<string, Tensor>> =>
    step.call(model, given, {
      call: context.call,
      minimize: (loss, options) => {
        const value = context.minimize(loss, options);
        const chosen = chooseWeights(model, options?.weights, 'minimize');
        found.push({ loss: value.id, weights: new Set(chosen.map(([path]) => path)) });
        return value;
      },
    });
  Object.defineProperty(model, 'trainStep', { value: listening, configurable: true });
  try {
    rehearse(model, plan, state, batch);
  } finally {
    if (own === undefined) Reflect.deleteProperty(model, 'trainStep');
    else Object.defineProperty(model, 'trainStep', own);
  }
  return found;
}

/** @param seed - id of the tensor that stands for the weight */
function explain(
  path: string,
  seed: number,
  losses: ReadonlySet<number>,
  trace: ForwardTrace,
): MissingGradient | undefined {
  const { reads } = trace;
  const ops = trace.ops.filter(({ kernel }) => !OF_SHAPE.has(kernel));
  const tape = trace.tape.filter(({ kernel }) => !OF_SHAPE.has(kernel) && !FLAT.has(kernel));
  const cone = new Set([seed]);
  for (const { inputs, outputs } of ops) if (inputs.some((id) => cone.has(id))) outputs.forEach((id) => cone.add(id));
  const differentiable = new Set([seed]);
  for (const { inputs, outputs } of tape) {
    if (inputs.some((id) => differentiable.has(id))) {
      outputs.forEach((id) => differentiable.add(id));
    }
  }
  if ([...losses].some((id) => differentiable.has(id))) return undefined;
  const toLoss = leadingTo(ops, losses, cone);
  const at = (op: string, { path: layer, frame }: Pick<TracedOp, 'path' | 'frame'>) => ({
    weight: path,
    op,
    layer,
    line: frame().replace(/^ at /, ''),
  });
  if (!toLoss.has(seed)) {
    const read = reads.find(({ tensors }) => tensors.some((id) => cone.has(id)));
    if (read !== undefined) return sentence({ ...at('dataSync', read), reason: 'host-read' });
    const last = ops.findLast(({ inputs }) => inputs.some((id) => cone.has(id)));
    if (last !== undefined) return sentence({ ...at(last.name, last), reason: 'result-not-used' });
    return sentence({ weight: path, op: '', layer: '', line: '', reason: 'not-used' });
  }
  // Of what leads to the loss, what leads to something differentiable first: the way ends where that ends.
  const open = leadingTo(ops, differentiable, toLoss);
  const cut = ops.find(
    ({ inputs, outputs }) =>
      inputs.some((id) => open.has(id)) && outputs.some((id) => toLoss.has(id)) && !outputs.some((id) => open.has(id)),
  );
  if (cut === undefined) return sentence({ weight: path, op: '', layer: '', line: '', reason: 'unknown' });
  const isCopy = cut.isOffTape && cut.kernel === 'Identity';
  return sentence({ ...at(isCopy ? 'stopGradient' : cut.name || cut.kernel, cut), reason: reasonOf(cut) });
}

/** Of the tensors of `among`, those from which there is a way to one of `targets`, which are among them. */
function leadingTo(
  ops: readonly TracedOp[],
  targets: ReadonlySet<number>,
  among: ReadonlySet<number>,
): ReadonlySet<number> {
  const found = new Set([...targets].filter((id) => among.has(id)));
  for (const { inputs, outputs } of ops.toReversed()) {
    if (outputs.some((id) => found.has(id))) inputs.forEach((id) => among.has(id) && found.add(id));
  }
  return found;
}

function reasonOf({ rule, isOffTape, isInteger, kernel }: TracedOp): MissingGradientReason {
  if (rule !== undefined) return 'custom-rule';
  if (isInteger || FLAT.has(kernel)) return 'non-differentiable';
  return isOffTape ? 'stop-gradient' : 'unknown';
}

function sentence(found: Omit<MissingGradient, 'message'>): MissingGradient {
  const { weight, reason, op, layer, line } = found;
  const place = `${layer === '' ? '' : ` in layer "${layer}"`}${line === '' ? '' : ` at ${line}`}`;
  const texts: Record<MissingGradientReason, string> = {
    'not-used': 'the forward pass does not use it',
    'result-not-used': `what is computed from it does not reach the loss; it was last used${op === '' ? '' : ` by ${op}`}${place}`,
    'stop-gradient':
      op === 'stopGradient'
        ? `stopGradient cuts it off${place}`
        : `${op} runs inside of noGrad, which cuts it off,${place}`,
    'non-differentiable': `${op}${place} has no derivative, or one that is zero everywhere`,
    'custom-rule': `a custom rule takes ${op === '' ? 'it' : `what goes into ${op}`} as a constant${place}`,
    'host-read': `its value is read on the host${place}, and what is made from numbers is a constant`,
    unknown: op === '' ? 'it is cut off at a place that is not known' : `${op}${place} cuts it off`,
  };
  return { ...found, message: `${weight}: ${texts[reason]}` };
}
