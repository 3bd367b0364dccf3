import { attempt } from '../evidence.js';
import { lookInside, same, share, type LayerLook, type Look, type Values } from '../look-inside.js';
import { withStateKept } from '../kept-state.js';
import { formatPercent } from '../statistics.js';
import type { Diagnosis } from './diagnosis.js';

/** A layer that drops one element of a hundred by chance may well drop the same ones twice, and hardly four times. */
const STEPS = [0, 1, 2, 3];
/** Fewer zeros may be anything. */
const LEAST_DROPPED = 0.02;
const LEAST_ELEMENTS = 16;

/** A mask that is drawn anew for no step. */
export const frozenDropout: Diagnosis = {
  cause: 'frozen-dropout',
  needs: 'first-batch',
  examine({ model, plan, batches, ownStep }) {
    const [batch] = batches;
    if (batch === undefined || ownStep) return null;
    const pass = (training: boolean, step: number): Look | null =>
      attempt(() => withStateKept(() => lookInside(model, plan, batch, { training, step, gradients: false })));
    const trained = STEPS.map((step) => pass(true, step));
    const inference = pass(false, 0);
    if (inference === null || trained.includes(null)) return null;
    const looks = trained as Look[];
    for (const [i, seen] of looks[0]!.layers.entries()) {
      const others = looks.map(({ layers }) => layers[i]);
      const usual = inference.layers[i];
      if (usual?.layer !== seen.layer || others.some((other) => other?.layer !== seen.layer)) continue;
      // What other layers before it draw must not be taken for its own.
      if (!others.every((other) => same(other!.output, seen.output) && same(other!.input, seen.input))) continue;
      const ownPart = droppedPart(seen, usual);
      // A mask between two layers shows in what the second is given.
      const part = ownPart ?? partOf(seen.input, usual.input);
      if (part === null) continue;
      const place = ownPart === null ? `what comes before layer "${seen.path}"` : `layer "${seen.path}"`;
      return {
        symptom:
          'Dropout has no effect but to switch the same units off for good: the same mask is used at every step.',
        evidence: `${place} drops ${formatPercent(part)} of its input in training, and the same elements at ${STEPS.length} different steps`,
        where: place,
        fix: 'draw the mask with context.uniform(shape), which is keyed by the step, or use layers.dropout; no seed or mask of your own',
      };
    }
    return null;
  },
};

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

/** Part of the elements that training alone sets to zero, where it leaves the others but for a factor. */
function partOf(training: Values, inference: Values): number | null {
  if (training.values.length < LEAST_ELEMENTS || training.values.length !== inference.values.length) return null;
  const dropped = Float32Array.from(training.values, (value, i) => (value === 0 && inference.values[i] !== 0 ? 1 : 0));
  const part = share(dropped, (value) => value === 1);
  return part >= LEAST_DROPPED && part < 1 && isScaled(training, inference, dropped) ? part : null;
}

/** Whether what was not dropped is the same but for one factor. */
function isScaled(training: Values, inference: Values, dropped: Float32Array): boolean {
  const factors = [...training.values].flatMap((value, i) => {
    const usual = inference.values[i]!;
    return dropped[i] === 1 || Math.abs(usual) < 1e-6 ? [] : [value / usual];
  });
  const [first] = factors;
  return first !== undefined && factors.every((factor) => Math.abs(factor - first) <= 1e-3 * Math.abs(first));
}
