import { ConstantSchedule } from './constant-schedule.js';
import { CosineDecayRestarts } from './cosine-decay-restarts.js';
import { CosineDecay } from './cosine-decay.js';
import { ExponentialDecay } from './exponential-decay.js';
import { InverseTimeDecay } from './inverse-time-decay.js';
import type { LearningRateSchedule } from './learning-rate-schedule.js';
import { OneCycle } from './one-cycle.js';
import { PiecewiseConstantDecay } from './piecewise-constant-decay.js';
import { PolynomialDecay } from './polynomial-decay.js';
import { StepDecay } from './step-decay.js';

/** A class that makes a schedule from options. */
export type ScheduleClass = new (options?: object) => LearningRateSchedule<object>;

/** Schedules that an optimizer's `learningRate` finds by name. */
export const scheduleTable: Readonly<Record<string, ScheduleClass>> = {
  constantSchedule: ConstantSchedule,
  cosineDecay: CosineDecay,
  cosineDecayRestarts: CosineDecayRestarts,
  exponentialDecay: ExponentialDecay,
  inverseTimeDecay: InverseTimeDecay,
  oneCycle: OneCycle,
  piecewiseConstantDecay: PiecewiseConstantDecay,
  polynomialDecay: PolynomialDecay,
  stepDecay: StepDecay,
};
