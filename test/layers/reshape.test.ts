import { Reshape } from '../../src/layers/reshape.js';
import { layerContract } from '../helpers/layer-contract.js';

layerContract(Reshape, { options: () => ({ targetShape: [2, -1, 2] }), inputShape: [2, 12] });
