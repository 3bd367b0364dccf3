import { ArrayNotEmpty, IsArray, IsBoolean, IsInt, IsOptional, IsPositive, IsString, Matches } from 'class-validator';

/** Options that every layer takes. */
export class LayerOptions {
  /** Name within the model; part of its weights' paths. Default: the field's name, or the class's in snake case. */
  @IsOptional()
  @IsString()
  @Matches(/^[^/\s]+$/, { message: 'name must not be empty or contain "/" or white space' })
  name?: string;

  /** Whether training updates the layer's weights. Default true. */
  @IsBoolean()
  trainable = true;

  /** Shape of the input without the batch axis; a sequential model builds itself from its first layer's. Default: from the first call. */
  @IsOptional()
  @IsArray()
  @ArrayNotEmpty()
  @IsInt({ each: true })
  @IsPositive({ each: true })
  inputShape?: readonly number[];
}
