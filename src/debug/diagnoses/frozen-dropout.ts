import { attempt } from '../evidence.js';
import { tf } from '../../engine/tfjs.js';
import { lookInside, same, share, type LayerLook, type Values } from '../look-inside.js';
import { withStateKept } from '../kept-state.js';
import { formatPercent } from '../statistics.js';
import type { Diagnosis } from './diagnosis.js';

/** A layer that drops one element of a hundred by chance may well drop the same ones twice, and hardly four times. */
const STEPS = 4;
/** Fewer zeros may be anything. */
const LEAST_DROPPED = 0.02;
const LEAST_ELEMENTS = 16;
/** A mask makes up for what it drops; relu does not. */
const SCALED = 1e-3;

/** A mask that is drawn anew for no step. */
export const frozenDropout: Diagnosis = {
  cause: 'frozen-dropout',
  needs: 'first-batch',
  examine(evidence) {
    const { model, plan, batches, ownStep } = evidence;
    if (batches.length === 0) return null;
    const batch = evidence.few;
    const pass = (training: boolean, step: number): readonly LayerLook[] | null =>
      attempt(() =>
        withStateKept(() => {
          if (!ownStep) return lookInside(model, plan, batch, { training, step, gradients: false }).layers;
          const counter = tf.scalar(step, 'int32');
          evidence.state.randomStep.assign(counter);
          counter.dispose();
          return evidence.rehearse();
        }),
      );
    const first = pass(true, 0);
    // A step of the model's own has no other mode: what its layers drop is seen by what they are given.
    const inference = ownStep ? first : pass(false, 0);
    if (first === null || inference === null) return null;
    let masks = first.flatMap((seen, i) => (ownStep ? maskInStep(first, i) : maskOf(seen, inference[i], i)));
    // Most models drop nothing, and most dropout is another at the second step.
    for (let step = 1; step < STEPS && masks.length > 0; step++) {
      const look = pass(true, step);
      // What other layers before it draw must not be taken for its own.
      masks = masks.filter(({ seen, index }) => {
        const other = look?.[index];
        return other?.layer === seen.layer && same(other.output, seen.output) && same(other.input, seen.input);
      });
    }
    const [mask] = masks;
    if (mask === undefined) return null;
    return {
      symptom: 'Dropout has no effect but to switch the same units off for good: the same mask is used at every step.',
      evidence: `${mask.place} drops ${formatPercent(mask.part)} of its input in training, and the same elements at ${STEPS} different steps`,
      where: mask.place,
      fix: 'draw the mask with context.uniform(shape), which is keyed by the step, or use layers.dropout; no seed or mask of your own',
    };
  },
};

interface Mask {
  readonly seen: LayerLook;
  readonly index: number;
  readonly part: number;
  readonly place: string;
}

/** What a layer, or what comes before it, drops in training; none or one. */
function maskOf(seen: LayerLook, usual: LayerLook | undefined, index: number): Mask[] {
  if (usual?.layer !== seen.layer) return [];
  const ownPart = droppedPart(seen, usual);
  // A mask between two layers shows in what the second is given.
  const part = ownPart ?? partOf(seen.input, usual.input);
  if (part === null) return [];
  const place = ownPart === null ? `what comes before layer "${seen.path}"` : `layer "${seen.path}"`;
  return [{ seen, index, part, place }];
}

/** Part of the elements that are zero in training alone; `null` where that is not what the layer does. */
function droppedPart(seen: LayerLook, usual: LayerLook): number | null {
  const training = seen.output.values;
  const found = partOf(seen.output, usual.output);
  if (found !== null) return found;
  const isByName = /drop/i.test(seen.layer.constructor.name);
  if (training.length < LEAST_ELEMENTS || training.length !== seen.input.values.length) return null;
  // A mask that is used in inference, too, shows in the layer's input.
  const cut = Float32Array.from(training, (value, i) => (value === 0 && seen.input.values[i] !== 0 ? 1 : 0));
  const cutPart = share(cut, (value) => value === 1);
  const options = seen.layer.options as { readonly rate?: number };
  return isByName && cutPart >= LEAST_DROPPED && cutPart < 1 && options.rate !== 0 ? cutPart : null;
}

/** A mask within one pass: some of what is positive becomes zero, and all the rest is larger by one factor. */
function maskInStep(looks: readonly LayerLook[], index: number): Mask[] {
  const seen = looks[index]!;
  const before = looks[index - 1];
  const enlarges = ({ values }: Values, { values: usual }: Values): boolean =>
    usual.some((value, i) => value > 0 && values[i]! > (1 + SCALED) * value) &&
    usual.some((value, i) => value > 0 && values[i] === 0);
  const own = partOf(seen.output, seen.input);
  if (own !== null && enlarges(seen.output, seen.input)) {
    return [{ seen, index, part: own, place: `layer "${seen.path}"` }];
  }
  if (before === undefined) return [];
  const between = partOf(seen.input, before.output);
  if (between === null || !enlarges(seen.input, before.output)) return [];
  return [{ seen, index, part: between, place: `what comes before layer "${seen.path}"` }];
}

/** Part of the elements that training alone sets to zero, where it leaves the others but for a factor. */
function partOf(training: Values, inference: Values): number | null {
  if (training.values.length < LEAST_ELEMENTS || training.values.length !== inference.values.length) return null;
  const dropped = Float32Array.from(training.values, (value, i) => (value === 0 && inference.values[i] !== 0 ? 1 : 0));
  const part = share(dropped, (value) => value === 1);
  return part >= LEAST_DROPPED && part < 1 && isScaled(training, inference, dropped) ? part : null;
}

/** Whether what was not dropped is the same but for one factor. */
function isScaled(training: Values, inference: Values, dropped: Float32Array): boolean {
  let first: number | undefined;
  for (let i = 0; i < training.values.length; i++) {
    const usual = inference.values[i]!;
    if (dropped[i] === 1 || Math.abs(usual) < 1e-6) continue;
    const factor = training.values[i]! / usual;
    first ??= factor;
    if (Math.abs(factor - first) > 1e-3 * Math.abs(first)) return false;
  }
  return first !== undefined;
}
