import { IsBoolean, IsIn, IsNumber, Max, Min } from 'class-validator';

/** Ways in which the losses of examples become one. */
export const REDUCTIONS = ['sumOverBatchSize', 'sum', 'meanWithSampleWeight', 'none'] as const;

/** A way in which the losses of examples become one; {@link LossOptions} tells them apart. */
export type LossReduction = (typeof REDUCTIONS)[number];

/** Options that every loss takes. */
export class LossOptions {
  /**
   * How the losses of examples become one. `sumOverBatchSize`: their weighted sum over their number; `sum`: their
   * weighted sum; `meanWithSampleWeight`: their weighted sum over the sum of the weights; `none`: one for each example.
   * Default `sumOverBatchSize`.
   */
  @IsIn(REDUCTIONS)
  reduction: LossReduction = 'sumOverBatchSize';
}

/** Options of the cross-entropies. */
export class CrossentropyOptions extends LossOptions {
  /** Whether predictions are logits, the output of a last layer without activation, and not probabilities. Default false. */
  @IsBoolean()
  fromLogits = false;

  /** Share of the label that is spread evenly over all classes, from 0 to 1. Default 0. */
  @IsNumber()
  @Min(0)
  @Max(1)
  labelSmoothing = 0;
}
