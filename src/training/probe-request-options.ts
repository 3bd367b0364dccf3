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
  @IsInt()
  @Min(1)
  every!: number;

  @IsArray()
  @IsIn(WEIGHT_QUANTITIES, { each: true, message: `of names among ${WEIGHT_QUANTITIES.join(', ')}` })
  weights: readonly WeightQuantity[] = [];

  @IsArray()
  @IsIn(LAYER_QUANTITIES, { each: true, message: `of names among ${LAYER_QUANTITIES.join(', ')}` })
  layers: readonly LayerQuantity[] = [];

  @IsBoolean()
  histograms = false;

  @IsInt()
  @Min(0)
  microBatches = 0;
}
