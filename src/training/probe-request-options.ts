import { IsArray, IsBoolean, IsIn, IsInt, Min } from 'class-validator';
import {
  LAYER_QUANTITIES,
  WEIGHT_QUANTITIES,
  type LayerQuantity,
  type ProbeRequest,
  type WeightQuantity,
} from './probe-contract.js';

/** What may stand in the request of a callback, which may be anybody's. */
export class ProbeRequestOptions implements ProbeRequest {
  /** Every how many steps. Required. */
  @IsInt()
  @Min(1)
  every!: number;

  /** What is measured of weights. Default nothing. */
  @IsArray()
  @IsIn(WEIGHT_QUANTITIES, { each: true, message: `of names among ${WEIGHT_QUANTITIES.join(', ')}` })
  weights: readonly WeightQuantity[] = [];

  /** What is measured of layers' outputs. Default nothing. */
  @IsArray()
  @IsIn(LAYER_QUANTITIES, { each: true, message: `of names among ${LAYER_QUANTITIES.join(', ')}` })
  layers: readonly LayerQuantity[] = [];

  /** Whether values are counted into bins. Default false. */
  @IsBoolean()
  histograms = false;

  /** Into how many parts a batch is split. Default 0, none. */
  @IsInt()
  @Min(0)
  microBatches = 0;
}
