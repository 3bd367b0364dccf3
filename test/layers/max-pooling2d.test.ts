import { MaxPooling2D } from '../../src/layers/max-pooling2d.js';
import { layerContract } from '../helpers/layer-contract.js';

layerContract(MaxPooling2D, {
  options: () => ({ poolSize: 2, padding: 'same' }),
  inputShape: [2, 5, 4, 3],
  // Distinct values, further apart than the step of the differences: a tie has no gradient.
  input: (index) => ((index * 37) % 127) / 32 - 2,
});
