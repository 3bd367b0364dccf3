import { OptionsError, StateError } from '../core/errors.js';

export function notCompiled(what: string, model: string): StateError {
  return new StateError('not-compiled', {
    where: `${what} of ${model}`,
    expected: 'a compiled model',
    received: 'a model that was not compiled',
    fix: 'call model.compile({ optimizer, loss }) first',
  });
}

export function notBuilt(what: string, model: string): StateError {
  return new StateError('not-built', {
    where: `${what} of ${model}`,
    expected: 'a model whose weights exist',
    received: 'a model that was not built',
    fix: 'call model.build([null, ...inputShape]), fit or predict first, or give the first layer an inputShape',
  });
}

export function lossIsMissing(where: string): OptionsError {
  return new OptionsError('invalid-option', {
    where: `option "loss" of ${where}`,
    expected: 'a loss, the name of one, or a function of labels and predictions',
    received: 'undefined',
    fix: 'pass e.g. loss: "meanSquaredError"',
  });
}
