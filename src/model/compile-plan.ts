import type { DeclaredKind } from '../core/declaration.js';
import { OptionsError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import type { Services } from '../core/services.js';
import { BaseLoss } from '../losses/base-loss.js';
import { BaseMetric } from '../metrics/base-metric.js';
import { resolveAccuracy } from '../metrics/resolve-accuracy.js';
import { BaseOptimizer } from '../optimizers/base-optimizer.js';
import { clipTransform } from '../optimizers/clip-options.js';
import type { TrainingPlan } from '../training/training-plan.js';
import type { CompileOptions } from './compile-options.js';

/** Turns names into objects and puts the gradient's transforms in order. */
export function compilePlan(options: CompileOptions, services: Services, where: string): TrainingPlan {
  const resolve = <T extends object>(kind: DeclaredKind, base: abstract new () => T, given: T | string): T => {
    if (given instanceof base) return given;
    if (typeof given !== 'string') {
      throw new OptionsError('invalid-option', {
        where: `option "${kind === 'metric' ? 'metrics' : kind}" of ${where}`,
        expected: `a ${kind} or the name of one`,
        received: formatValue(given),
        fix: `pass e.g. ${kind}: "${services.registries[kind].names()[0]}"`,
      });
    }
    const found = services.registries[kind].get(given, `option "${kind === 'metric' ? 'metrics' : kind}" of ${where}`);
    return new found() as T;
  };
  const optimizer = resolve('optimizer', BaseOptimizer as abstract new () => BaseOptimizer, options.optimizer);
  const loss = resolve('loss', BaseLoss as abstract new () => BaseLoss, options.loss);
  const metrics = options.metrics.map((metric) =>
    metric === 'accuracy' || metric === 'acc'
      ? resolveAccuracy(loss.name, where)
      : resolve('metric', BaseMetric as abstract new () => BaseMetric, metric),
  );
  const names = metrics.map(({ name }) => name);
  const twice = names.find((name, i) => name === 'loss' || names.indexOf(name) !== i);
  if (twice !== undefined) {
    throw new OptionsError('invalid-option', {
      where: `option "metrics" of ${where}`,
      expected: 'metrics of different names, none of them "loss"',
      received: `"${twice}" twice`,
      fix: 'give one of them another name option',
    });
  }
  return {
    optimizer,
    loss,
    metrics,
    transforms: [...(options.clip === undefined ? [] : [clipTransform(options.clip)]), ...optimizer.transforms()],
    seed: options.seed,
    execution: options.execution,
  };
}
