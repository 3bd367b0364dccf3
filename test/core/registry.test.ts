import { describe, expect, it } from '@jest/globals';
import { LookupError, SetupError } from '../../src/core/errors.js';
import { didYouMean, nearestNames } from '../../src/core/nearest-name.js';
import { Registry } from '../../src/core/registry.js';

describe('a registry', () => {
  const make = (): Registry<number> => {
    const registry = new Registry<number>('loss');
    registry.register('adjoint/mean-squared-error', 1, ['meanSquaredError', 'mse']);
    registry.register('adjoint/huber', 2);
    return registry;
  };

  it('finds by name and alias', () => {
    const registry = make();
    expect([registry.get('adjoint/mean-squared-error'), registry.get('mse'), registry.get('adjoint/huber')]).toEqual([
      1, 1, 2,
    ]);
    expect([registry.has('mse'), registry.has('huber')]).toEqual([true, false]);
    expect(registry.names().sort()).toEqual(['adjoint/huber', 'adjoint/mean-squared-error', 'meanSquaredError', 'mse']);
  });

  it('names the nearest for an unknown one', () => {
    expect(() => make().get('meanSquareError', 'compile of model "m"')).toThrow(LookupError);
    expect(() => make().get('meanSquareError', 'compile of model "m"')).toThrow(
      /\[unknown-name\] compile of model "m"[^]*registered loss[^]*did you mean "meanSquaredError"\?/,
    );
    expect(() => make().get('toString')).toThrow(LookupError);
  });

  it('takes a name once, the same value again', () => {
    const registry = make();
    expect(() => registry.register('adjoint/huber', 2)).not.toThrow();
    expect(() => registry.register('adjoint/huber', 3)).toThrow(SetupError);
    expect(() => registry.register('app/other', 4, ['mse'])).toThrow(/\[registered-twice\] loss "mse"/);
    expect(registry.has('app/other')).toBe(false);
  });
});

describe('nearest names', () => {
  it('are ordered by distance, three at most, and none that is far', () => {
    expect(nearestNames('sofmax', ['softmax', 'softplus', 'relu'])).toEqual(['softmax']);
    expect(nearestNames('RELU', ['relu', 'elu', 'selu', 'gelu', 'silu'])).toEqual(['relu', 'elu', 'gelu']);
    expect(nearestNames('zzzzzz', ['relu'])).toEqual([]);
  });

  it('become a sentence', () => {
    expect(didYouMean('adm', ['adam', 'adamw', 'momentum'])).toBe('did you mean "adam" or "adamw"?');
    expect(didYouMean('nothing', ['sgd', 'adam'])).toBe('known names: adam, sgd');
  });
});
