import type { Shape } from '../core/shape.js';
import type { Batch } from '../data/example.js';
import type { PreparedData } from './batches.js';
import { checkFinite, checkLabels, preflight } from './preflight.js';
import type { Trainable } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';

/** Arrays were checked whole; of a stream, the first batch is tried on the model and each later one held against it. */
export function batchCheck(
  model: Trainable,
  plan: TrainingPlan,
  data: PreparedData,
  where: string,
): (batch: Batch, isFirst: boolean) => void {
  if (data.kind === 'arrays') return () => undefined;
  let outputShape: Shape | undefined;
  let position = 0;
  return (batch, isFirst) => {
    if (isFirst) {
      checkFinite(batch, where);
      outputShape = preflight(model, plan, batch, where);
    } else if (position++ > 0) {
      const place = `batch ${position - 1} of ${where}`;
      checkFinite(batch, place);
      checkLabels(plan, batch, outputShape!, place);
    }
  };
}
