import { Dense } from '../../src/layers/dense.js';
import { layerContract } from '../helpers/layer-contract.js';
layerContract(Dense, {
  options: () => ({ units: 3, activation: 'tanh', kernelRegularizer: 'l2' }),
  inputShape: [2, 4],
});
