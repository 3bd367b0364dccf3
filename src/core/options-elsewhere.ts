import { nearestNames } from './nearest-name.js';

/** Options that are often looked for in the wrong place, and where they stand. */
const PLACES: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ['learningRate', 'momentum', 'beta1', 'weightDecay'].map((name) => [name, 'the optimizer, new Adam({ ... })']),
  ),
  ...Object.fromEntries(
    [
      'optimizer',
      'loss',
      'metrics',
      'precision',
      'lossScale',
      'clip',
      'accumulateSteps',
      'checkpoint',
      'execution',
    ].map((name) => [name, 'compile']),
  ),
  ...Object.fromEntries(
    [
      'batchSize',
      'epochs',
      'callbacks',
      'validationData',
      'validationSplit',
      'shuffle',
      'sampleWeight',
      'classWeight',
    ].map((name) => [name, 'fit']),
  ),
};

/** A `fix` sentence for an option that belongs elsewhere, `undefined` where none is meant. */
export function optionElsewhere(name: string): string | undefined {
  const [meant] = nearestNames(name, Object.keys(PLACES));
  return meant === undefined ? undefined : `"${meant}" is an option of ${PLACES[meant]!}`;
}
