import { IsBoolean, IsOptional } from 'class-validator';
import type { InitializerLike } from '../initializers/resolve-initializer.js';
import type { ActivationLike } from './activations.js';
import { LayerOptions } from './layer-options.js';
import { IsActivation, IsInitializer, IsRegularizer } from './option-validators.js';
import type { RegularizerLike } from './regularizers.js';

/** Options of the layers that multiply by a kernel and add a bias. */
export class KernelLayerOptions extends LayerOptions {
  /** Function applied to the output, by name or as a function. Default `linear`. */
  @IsActivation()
  activation: ActivationLike = 'linear';

  /** Whether a bias is added. Default true. */
  @IsBoolean()
  useBias = true;

  /** First values of the kernel. Default `glorotUniform`. */
  @IsInitializer()
  kernelInitializer: InitializerLike = 'glorotUniform';

  /** First values of the bias. Default `zeros`. */
  @IsInitializer()
  biasInitializer: InitializerLike = 'zeros';

  /** Penalty on the kernel. Default none. */
  @IsOptional()
  @IsRegularizer()
  kernelRegularizer?: RegularizerLike;

  /** Penalty on the bias. Default none. */
  @IsOptional()
  @IsRegularizer()
  biasRegularizer?: RegularizerLike;

  /** Penalty on the output after its activation, divided by the batch size. Default none. */
  @IsOptional()
  @IsRegularizer()
  activityRegularizer?: RegularizerLike;
}
