import { OptionsError } from '../core/errors.js';
import { formatValue } from '../core/format-value.js';
import type { BaseOptimizer } from '../optimizers/base-optimizer.js';
import { centralizeGradients } from '../optimizers/centralize-gradients.js';
import { clipTransform } from '../optimizers/clip-options.js';
import type { GradientTransform } from '../optimizers/gradient-transform.js';
import { lookahead } from '../optimizers/lookahead.js';
import { noiseTransform } from '../optimizers/noise-options.js';
import { spikeProtection } from '../optimizers/spike-protection.js';
import { weightAverage } from '../optimizers/weight-average.js';
import { NORM_LOGS } from '../training/transform-run.js';
import type { TrainingPlan } from '../training/training-plan.js';
import type { CompileOptions } from './compile-options.js';

/** What `compile` settles of the way from gradients to weights. */
type GradientHandling = Pick<TrainingPlan, 'clipping' | 'noise' | 'afterUpdates' | 'logGradientNorms' | 'logs'>;

/** Puts the short options, and the transforms that were passed by hand, in their order. */
export function gradientHandling(options: CompileOptions, optimizer: BaseOptimizer, where: string): GradientHandling {
  const { clip, gradientNoise, gradientTransforms, logGradientNorms } = options;
  gradientTransforms.forEach((transform, i) => checkTransform(transform, i, where));
  const clipping = [
    // A spike is one before clipping hides it.
    ...given(options.spikeProtection, spikeProtection),
    ...(options.centralizeGradients ? [centralizeGradients()] : []),
    ...given(clip, clipTransform),
    ...gradientTransforms,
  ];
  const noise = given(gradientNoise, noiseTransform);
  const chain = [...clipping, ...noise, ...optimizer.transforms()];
  const logs = [...(logGradientNorms ? NORM_LOGS : []), ...chain.flatMap((transform) => transform.logs ?? [])];
  const clash = logs.find((name, i) => name === 'loss' || logs.indexOf(name) !== i);
  if (clash !== undefined) {
    throw new OptionsError('invalid-option', {
      where: `option "gradientTransforms" of ${where}`,
      expected: 'transforms that log under different names, none of them "loss"',
      received: clash === 'loss' ? 'one that logs "loss"' : `two that log "${clash}"`,
      fix: 'leave one of them out, or give its log another name',
    });
  }
  return {
    clipping,
    noise,
    afterUpdates: [
      ...given(options.lookahead, (input) => lookahead(input, `option "lookahead" of ${where}`)),
      ...given(options.weightAverage, (input) => weightAverage(input, `option "weightAverage" of ${where}`)),
    ],
    logGradientNorms,
    logs,
  };
}

function given<I, T>(input: I | undefined, make: (input: I) => T): T[] {
  return input === undefined ? [] : [make(input)];
}

function checkTransform(transform: unknown, index: number, where: string): void {
  const { name, transform: run } = (transform ?? {}) as Partial<GradientTransform>;
  if (typeof name === 'string' && name !== '' && typeof run === 'function') return;
  throw new OptionsError('invalid-option', {
    where: `option "gradientTransforms" of ${where}`,
    expected: 'gradient transforms, objects with a name and a function transform',
    received: `${formatValue(transform)} at place ${index}`,
    fix:
      typeof transform === 'function'
        ? `call it: ${transform.name || 'transform'}(...)`
        : 'pass e.g. clipByGlobalNorm(1)',
  });
}
