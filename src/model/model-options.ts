import { LayerOptions } from '../layers/layer-options.js';

/** Options that every model takes. */
export class ModelOptions extends LayerOptions {}
