import { OptionsError } from '../core/errors.js';
import type { Shape } from '../core/shape.js';
import type { BaseMetric } from './base-metric.js';
import { BinaryAccuracy } from './binary-accuracy.js';
import { CategoricalAccuracy } from './categorical-accuracy.js';
import { SparseCategoricalAccuracy } from './sparse-categorical-accuracy.js';

const BY_LOSS: Readonly<Record<string, new (options: { name: string }) => BaseMetric>> = {
  binary_crossentropy: BinaryAccuracy,
  categorical_crossentropy: CategoricalAccuracy,
  sparse_categorical_crossentropy: SparseCategoricalAccuracy,
};

/**
 * The accuracy that the name `accuracy` stands for: the form whose labels are those of the loss. Beside another loss an
 * output one wide is taken as yes-or-no.
 *
 * @param lossName - `name` of the loss
 * @param outputShape - shape of the model's output, where it is known
 * @throws OptionsError [accuracy-form] where neither tells
 */
export function resolveAccuracy(lossName: string, where: string, outputShape?: Shape): BaseMetric {
  const form = BY_LOSS[lossName] ?? (outputShape?.at(-1) === 1 ? BinaryAccuracy : undefined);
  if (form !== undefined) return new form({ name: 'accuracy' });
  throw new OptionsError('accuracy-form', {
    where: `option "metrics" of ${where}`,
    expected: 'the name "accuracy" beside a cross-entropy, whose labels tell which form is meant',
    received: `"accuracy" beside the loss "${lossName}"`,
    fix: 'name the form: binaryAccuracy, categoricalAccuracy or sparseCategoricalAccuracy',
  });
}
