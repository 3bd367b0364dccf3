import { IsNotEmpty, IsOptional, IsString } from 'class-validator';

/** Options that every metric takes. */
export class MetricOptions {
  /** Key in logs and history. Default: the class's name in snake case. */
  @IsOptional()
  @IsString()
  @IsNotEmpty()
  name?: string;
}
