import { IsNumber, Min } from 'class-validator';

/** Options that every optimizer takes. */
export class OptimizerOptions {
  /** Step size; `optimizer.learningRate` changes it during training. Default 0.001; SGD's is 0.01. */
  @IsNumber()
  @Min(0)
  learningRate = 0.001;
}
