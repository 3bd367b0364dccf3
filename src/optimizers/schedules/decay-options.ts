import { IsInt, IsNumber, IsPositive, Min } from 'class-validator';

/** Options of schedules that start somewhere and decay over some steps. */
export class DecayOptions {
  /** Learning rate of the first update, at least 0. */
  @IsNumber()
  @Min(0)
  initialLearningRate!: number;

  /** Updates of one decay, at least 1. */
  @IsInt()
  @IsPositive()
  decaySteps!: number;
}
