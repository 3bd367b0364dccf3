const SMALLER_IS_BETTER = /(^|_)(loss|error|crossentropy|divergence|perplexity|mse|mae|rmse|deviance)$/;
const LARGER_IS_BETTER =
  /(^|_)(accuracy|acc|auc|precision|recall|specificity|iou|f1|f1_score|dice|similarity|r2|r2_score)$/;

/** Whether a larger value of a log entry is the better one, as its name tells; `undefined` where it does not tell. */
export function largerIsBetter(logName: string): boolean | undefined {
  const name = logName.toLowerCase();
  if (SMALLER_IS_BETTER.test(name)) return false;
  return LARGER_IS_BETTER.test(name) ? true : undefined;
}
