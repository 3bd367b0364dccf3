import { describe } from '@jest/globals';
import { conv2d } from '../../src/layers/conv2d.js';
import { dense } from '../../src/layers/dense.js';
import { Residual } from '../../src/layers/residual.js';
import { layerContract } from '../helpers/layer-contract.js';

layerContract(Residual, {
  options: () => ({ body: [dense({ units: 4, activation: 'tanh' }), dense({ units: 4 })] }),
  inputShape: [2, 4],
  notInJson: ['body'],
});
describe('with a dense projection', () => {
  layerContract(Residual, {
    options: () => ({ body: dense({ units: 3 }) }),
    inputShape: [2, 2, 4],
    notInJson: ['body'],
  });
});
describe('with a strided projection', () => {
  layerContract(Residual, {
    options: () => ({ body: conv2d({ filters: 3, kernelSize: 3, strides: 2, padding: 'same' }) }),
    inputShape: [2, 5, 4, 2],
    notInJson: ['body'],
  });
});
