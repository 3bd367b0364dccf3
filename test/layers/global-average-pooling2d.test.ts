import { GlobalAveragePooling2D } from '../../src/layers/global-average-pooling2d.js';
import { layerContract } from '../helpers/layer-contract.js';

layerContract(GlobalAveragePooling2D, { options: () => ({}), inputShape: [2, 3, 4, 3] });
