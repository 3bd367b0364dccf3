import type { DeclaredKind } from '../core/declaration.js';
import { OptionsError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import { compilePathPredicate } from '../core/path-predicate.js';
import type { Services } from '../core/services.js';
import { engineOptions } from '../engine/start-engine.js';
import { BaseLoss } from '../losses/base-loss.js';
import { FunctionLoss, type LossFunction } from '../losses/function-loss.js';
import { BaseMetric } from '../metrics/base-metric.js';
import { FunctionMetric, type MetricFunction } from '../metrics/function-metric.js';
import { resolveAccuracy } from '../metrics/resolve-accuracy.js';
import { BaseOptimizer } from '../optimizers/base-optimizer.js';
import { lossScaleSettings } from '../training/loss-scale-settings.js';
import { NoLoss } from '../training/no-loss.js';
import type { TrainingPlan } from '../training/training-plan.js';
import type { CompileOptions } from './compile-options.js';
import { gradientHandling } from './gradient-handling.js';

/** Names that are no entries of a registry. */
const SPECIAL_NAMES: Partial<Record<DeclaredKind, readonly string[]>> = { metric: ['accuracy'] };

/** How an option of `compile` becomes an object. */
interface Resolvable<T> {
  readonly kind: DeclaredKind;
  readonly option: string;
  readonly base: abstract new (...parameters: never[]) => T;
  /** What a plain function becomes, where one will do. */
  readonly fromFunction?: (given: never) => T;
}

/** Turns names and functions into objects and puts the gradient's transforms in order. */
export function compilePlan(options: CompileOptions, services: Services, where: string): TrainingPlan {
  const resolve = <T extends object>(given: unknown, resolvable: Resolvable<T>): T => {
    const { kind, option, base, fromFunction } = resolvable;
    const at = `option "${option}" of ${where}`;
    if (given instanceof base) return given;
    if (typeof given === 'string') return new (services.registries[kind].get(given, at, SPECIAL_NAMES[kind]))() as T;
    const isClass = typeof given === 'function' && given.prototype instanceof base;
    if (typeof given === 'function' && !isClass && fromFunction !== undefined) return fromFunction(given as never);
    const example = { loss: 'meanSquaredError', metric: 'accuracy', optimizer: 'adam' }[kind as string];
    throw new OptionsError('invalid-option', {
      where: at,
      expected:
        fromFunction === undefined
          ? `an ${kind} or the name of one`
          : `a ${kind}, the name of one, or a function of labels and predictions`,
      received: isClass ? `the class ${(given as { name: string }).name}` : formatValue(given),
      fix: isClass
        ? `write new ${(given as { name: string }).name}()`
        : `pass e.g. ${option === 'metrics' ? `["${example}"]` : `"${example}"`}`,
    });
  };
  const optimizer = resolve<BaseOptimizer>(options.optimizer, {
    kind: 'optimizer',
    option: 'optimizer',
    base: BaseOptimizer,
  });
  const loss =
    options.loss === undefined
      ? new NoLoss()
      : resolve<BaseLoss>(options.loss, {
          kind: 'loss',
          option: 'loss',
          base: BaseLoss,
          fromFunction: (fn: LossFunction) => new FunctionLoss(fn),
        });
  const metrics = options.metrics.map((metric) =>
    metric === 'accuracy' || metric === 'acc'
      ? resolveAccuracy(loss.name, where)
      : resolve<BaseMetric>(metric, {
          kind: 'metric',
          option: 'metrics',
          base: BaseMetric,
          fromFunction: (fn: MetricFunction) => new FunctionMetric(fn),
        }),
  );
  const handling = gradientHandling(options, optimizer, where);
  checkNames(metrics, handling.logs, where);
  return {
    optimizer,
    loss,
    metrics,
    ...handling,
    ...precisionOf(options, where),
    accumulateSteps: accumulation(options, loss, where),
    seed: options.seed,
    execution: options.execution,
  };
}

function accumulation({ accumulateSteps }: CompileOptions, loss: BaseLoss, where: string): number {
  const { reduction } = loss.options;
  if (accumulateSteps === 1 || reduction === 'sumOverBatchSize' || reduction === 'meanWithSampleWeight') {
    return accumulateSteps;
  }
  throw new OptionsError('invalid-option', {
    where: `option "accumulateSteps" of ${where}`,
    expected: "a loss that is a mean, of reduction 'sumOverBatchSize' or 'meanWithSampleWeight'",
    received: `${accumulateSteps} with a loss of reduction '${reduction}'`,
    fix: 'gradients of batches are weighted by what their losses were divided by: choose one of the two reductions',
  });
}

function precisionOf(
  options: CompileOptions,
  where: string,
): Pick<TrainingPlan, 'precision' | 'float32Layers' | 'isFloat32' | 'lossScale'> {
  const precision = options.precision ?? engineOptions().precision ?? 'float32';
  const { float32Layers } = options;
  return {
    precision,
    float32Layers,
    isFloat32:
      float32Layers === undefined
        ? () => false
        : compilePathPredicate(float32Layers, `option "float32Layers" of ${where}`),
    lossScale: lossScaleSettings(options.lossScale, precision, where),
  };
}

function checkNames(metrics: readonly BaseMetric[], logs: readonly string[], where: string): void {
  const names = metrics.map(({ name }) => name);
  const taken = ['loss', 'learningRate', 'lossScale', '__proto__', ...logs];
  // Of validation.
  const isTaken = (name: string): boolean => taken.includes(name) || name.startsWith('val_');
  const clash = names.find((name, i) => isTaken(name) || names.indexOf(name) !== i);
  if (clash === undefined) return;
  throw new OptionsError('invalid-option', {
    where: `option "metrics" of ${where}`,
    expected: `metrics of different names, none of them ${taken.map((name) => `"${name}"`).join(', ')} or "val_..."`,
    received: isTaken(clash) ? `one named "${clash}"` : `two named "${clash}"`,
    fix: 'give one of them another name option',
  });
}
