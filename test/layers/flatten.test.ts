import { Flatten } from '../../src/layers/flatten.js';
import { layerContract } from '../helpers/layer-contract.js';

layerContract(Flatten, { options: () => ({}), inputShape: [2, 3, 4] });
