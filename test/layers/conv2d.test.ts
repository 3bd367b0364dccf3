import { describe } from '@jest/globals';
import { Conv2D } from '../../src/layers/conv2d.js';
import { layerContract } from '../helpers/layer-contract.js';

layerContract(Conv2D, {
  options: () => ({ filters: 2, kernelSize: [3, 2], padding: 'same', activation: 'tanh' }),
  inputShape: [2, 4, 5, 3],
});
describe('strided', () => {
  layerContract(Conv2D, {
    options: () => ({ filters: 2, kernelSize: 2, strides: [2, 1] }),
    inputShape: [2, 4, 5, 2],
  });
});
describe('dilated', () => {
  layerContract(Conv2D, {
    options: () => ({ filters: 2, kernelSize: 2, dilationRate: [2, 3], padding: 'same', useBias: false }),
    inputShape: [2, 5, 4, 2],
  });
});
