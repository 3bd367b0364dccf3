import { OptionsError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import type { TrialModel } from './trial-model.js';

/** Refuses what is no model, and a call without data; from JavaScript, or past the types. */
export function checkTrial(name: string, model: unknown, x: unknown): asserts model is TrialModel {
  const { fitApart, describe } = (typeof model === 'object' && model !== null ? model : {}) as Partial<TrialModel>;
  if (typeof fitApart !== 'function' || typeof describe !== 'function') {
    throw new OptionsError('not-a-model', {
      where: name,
      expected: 'a compiled model, then its data',
      received: formatValue(model),
      fix: `write ${name}(model, x, y)`,
    });
  }
  if (x !== undefined && x !== null) return;
  throw new OptionsError('no-data', {
    where: `${name} of ${describe.call(model)}`,
    expected: 'inputs x [examples, ...] beside the model',
    received: formatValue(x),
    fix: `write ${name}(model, x, y)`,
  });
}
