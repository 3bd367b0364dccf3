import type { Logger } from '../core/logger.js';
import { EagerRunner } from './eager-runner.js';
import { FallbackRunner } from './fallback-runner.js';
import { RecordedRunner } from './recorded-runner.js';
import type { StepRunner } from './step-runner.js';
import type { Trainable } from './trainable.js';
import type { TrainingPlan } from './training-plan.js';

/** The runner that a plan asks for. */
export function makeRunner(model: Trainable, plan: TrainingPlan, logger: Logger): StepRunner {
  if (plan.execution === 'eager') return new EagerRunner(model, plan);
  const recorded = new RecordedRunner(model, plan, logger);
  return plan.execution === 'recorded' ? recorded : new FallbackRunner(recorded, new EagerRunner(model, plan), logger);
}
