import { Add } from '../../src/layers/add.js';
import { layerContract } from '../helpers/layer-contract.js';

layerContract(Add, {
  options: () => ({}),
  inputShape: [
    [2, 3, 4],
    [2, 3, 4],
    [2, 1, 4],
  ],
});
