import { describe, expect, it } from '@jest/globals';
import { AdamW } from '../../src/optimizers/adam-w.js';
import { Adam } from '../../src/optimizers/adam.js';
import { optimizerTable } from '../../src/optimizers/optimizer-table.js';
import { SGD } from '../../src/optimizers/sgd.js';

describe('optimizers by name', () => {
  it('are the classes, which take options', () => {
    expect(optimizerTable).toEqual({ sgd: SGD, adam: Adam, adamw: AdamW, adamW: AdamW });
    for (const optimizerClass of Object.values(optimizerTable)) {
      expect(new optimizerClass({ learningRate: 0.5 }).learningRate).toBe(0.5);
    }
  });
});
