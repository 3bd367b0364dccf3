import { currentServices } from '../../core/services.js';
import type { LearningRateSchedule, ScheduleConfig } from './learning-rate-schedule.js';

/** Options with a schedule in the place of what one was written to JSON as; anything else is left to validation. */
export function withSchedule<O>(options: O, where: string): O {
  const given: unknown = (options as { learningRate?: unknown } | null | undefined)?.learningRate;
  if (!isConfig(given)) return options;
  const at = `option "learningRate" of ${where}`;
  const scheduleClass = currentServices().registries.schedule.get(given.name, at);
  return { ...options, learningRate: new scheduleClass(given.options) as LearningRateSchedule<object> };
}

function isConfig(value: unknown): value is ScheduleConfig {
  if (typeof value !== 'object' || value === null) return false;
  const { name, options } = value as Partial<ScheduleConfig>;
  return typeof name === 'string' && typeof options === 'object';
}
