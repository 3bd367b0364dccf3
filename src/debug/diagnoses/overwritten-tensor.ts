import { AdjointError } from '../../core/errors.js';
import { userPlaceOf } from '../../engine/record/user-frame.js';
import { attempt, type Evidence } from '../evidence.js';
import { KeptState } from '../kept-state.js';
import { lookInside } from '../look-inside.js';
import { formatPercent, median } from '../statistics.js';
import { goesBackToTheBest } from './return-to-best.js';
import type { Diagnosis, Finding } from './diagnosis.js';
import { errorsOf } from './missing-gradients.js';

/** Fewer may be a run that goes back to a safe state. */
const LEAST_RETURNS = 3;
/** Part of the updates that something takes back, in the middle, so that a run comes nowhere. */
const TAKEN_BACK = 0.5;
const LEAST_STEPS = 10;

/** Tensors that are used after they were disposed, and weights that the forward pass writes to. */
export const overwrittenTensor: Diagnosis = {
  cause: 'overwritten-tensor',
  examine(evidence) {
    return disposedTensor(evidence.error) ?? setBack(evidence) ?? takenBack(evidence) ?? overwritten(evidence);
  },
};

/** Whether an error, or what caused it, is about a tensor that was disposed; and the line that used it. */
export function disposedTensor(error: unknown): Finding | null {
  const found = errorsOf(error).find((one) =>
    /dispos/i.test(one instanceof AdjointError ? `${one.kind} ${one.received}` : String(one.message)),
  );
  if (found === undefined) return null;
  const named = found instanceof AdjointError ? / at (.+:\d+:\d+)$/.exec(found.where)?.[1] : undefined;
  const line = named ?? userPlaceOf(found);
  return {
    symptom: 'A step ends with an error about a tensor that was disposed.',
    evidence: found instanceof AdjointError ? `${found.where}: ${found.received ?? found.kind}` : found.message,
    where: line ?? (found instanceof AdjointError ? found.where : undefined),
    fix: 'dispose it after its last use; what is made inside tf.tidy() and used later has to be returned from it, or kept with tf.keep()',
  };
}

const BACK = {
  symptom: 'Training does not get on: after a step, or before the next, something puts earlier weights back.',
  where: 'a callback, or code of your own between the steps',
  fix: 'let nothing but the optimizer write to weights in training: look for writeWeights and assign in hooks and in trainStep; restore the best ones at the end',
};

/** Weights that are what they were some steps before, though no step led there. */
function setBack(evidence: Evidence): Finding | null {
  const { returns } = evidence.history;
  const last = returns.at(-1);
  if (last === undefined || returns.length < LEAST_RETURNS || goesBackToTheBest(evidence)) return null;
  return {
    ...BACK,
    evidence:
      `${returns.length} times "${last.path}" was another than the step before had left, and the same as at an earlier step: ` +
      `before step ${last.step + 1} that from before step ${last.to + 1}`,
  };
}

/** Updates that are undone between the steps, though not to the bit. */
function takenBack({ history, losses, stalls }: Evidence): Finding | null {
  const parts = history.takenBack.filter((part) => part !== 0);
  const part = median(parts);
  const isRule = parts.length >= LEAST_STEPS && parts.length >= 0.5 * losses.length;
  if (!stalls || !isRule || !(part >= TAKEN_BACK && part < 2)) return null;
  return {
    ...BACK,
    evidence:
      `after ${parts.length} of ${losses.length} steps weights were others at the next one than the step had left: in the ` +
      `middle ${formatPercent(part)} of its update were taken back`,
  };
}

function overwritten(evidence: Evidence): Finding | null {
  const { model, plan, batches, ownStep } = evidence;
  if (batches.length === 0 || ownStep) return null;
  const names = new Map([...model.weightTree()].map(([path, { handle }]) => [handle.variable.name, path]));
  const kept = new KeptState();
  try {
    const ran = attempt(() => lookInside(model, plan, evidence.few, { gradients: false }));
    const changed = ran === null ? [] : kept.changed().flatMap((name) => names.get(name) ?? []);
    const [path] = changed;
    if (path === undefined) return null;
    return {
      symptom: 'Gradients do not belong to the weights that they are applied to: the forward pass writes to weights.',
      evidence: `a forward pass alone, without any update, changes "${changed.join('", "')}"`,
      where: path,
      fix: 'compute with a changed copy (tf.div(kernel, tf.norm(kernel))) and leave the weight to the optimizer; statistics: context.assign',
    };
  } finally {
    kept.restore();
    kept.dispose();
  }
}
