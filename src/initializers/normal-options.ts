import { IsNumber, Min } from 'class-validator';

/** Options of `initializers.randomNormal` and `initializers.truncatedNormal`. */
export class NormalOptions {
  /** Mean of the distribution. Default 0. */
  @IsNumber()
  mean = 0;

  /** Standard deviation of the distribution, before any truncation. Default 0.05. */
  @IsNumber()
  @Min(0)
  standardDeviation = 0.05;
}
