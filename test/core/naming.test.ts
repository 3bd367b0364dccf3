import { describe, expect, it } from '@jest/globals';
import { toSnakeCase, UniqueNames } from '../../src/core/naming.js';

describe('names', () => {
  it.each([
    ['Dense', 'dense'],
    ['Conv2D', 'conv2d'],
    ['MaxPooling2D', 'max_pooling2d'],
    ['GlobalAveragePooling2D', 'global_average_pooling2d'],
    ['BatchNormalization', 'batch_normalization'],
    ['AdamW', 'adam_w'],
    ['Hidden$', 'hidden'],
  ])('of the class %s: %s', (className, name) => {
    expect(toSnakeCase(className)).toBe(name);
  });

  it('are given once', () => {
    const names = new UniqueNames();
    expect([names.next('dense'), names.next('dense'), names.next('dense')]).toEqual(['dense', 'dense_1', 'dense_2']);
    expect(names.reserve('conv_1')).toBe(true);
    expect(names.reserve('conv_1')).toBe(false);
    expect([names.next('conv'), names.next('conv')]).toEqual(['conv', 'conv_2']);
  });
});
