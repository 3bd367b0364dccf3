import { IsInt, IsNumber, IsPositive, Max, Min } from 'class-validator';
import { MOST_STEPS } from './elapsed.js';

/** Options of schedules that start somewhere and decay over some steps. */
export class DecayOptions {
  /** Learning rate of the first update, at least 0. */
  @IsNumber()
  @Min(0)
  initialLearningRate!: number;

  /** Updates of one decay, at least 1. */
  @IsInt()
  @IsPositive()
  @Max(MOST_STEPS)
  decaySteps!: number;
}
