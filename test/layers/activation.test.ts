import { Activation } from '../../src/layers/activation.js';
import { layerContract } from '../helpers/layer-contract.js';

layerContract(Activation, { options: () => ({ activation: 'softmax' }), inputShape: [2, 3, 4] });
