import { IsInt, IsNotEmpty, IsOptional, IsString, Min } from 'class-validator';

/** What `fit({ debug })` takes. */
export class DebugOptions {
  /** Folder for `report.html`, `report.jsonl` and TensorBoard's files; made where it is missing. Required. */
  @IsString()
  @IsNotEmpty()
  report!: string;

  /** Every how many steps gradients, weights and outputs are measured. Default 10. */
  @IsInt()
  @Min(1)
  every = 10;

  /** First line of the page. Default the model's name. */
  @IsOptional()
  @IsString()
  @IsNotEmpty()
  title?: string;
}
