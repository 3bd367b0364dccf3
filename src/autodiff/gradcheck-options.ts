import { IsArray, IsBoolean, IsIn, IsInt, IsNumber, IsOptional, IsPositive, IsString, Max, Min } from 'class-validator';

/** Each takes some evaluations of the function; more of them would not end. */
const MOST_PROBES = 2 ** 20;

/** Options that every gradient check has. */
export class CheckOptions {
  /** Largest relative error that passes. Default 1e-7 in float64, 1e-3 in float32. */
  @IsOptional()
  @IsNumber()
  @IsPositive()
  tolerance?: number;

  /** In which precision rule and differences are computed; float32 is for kernels that have no double version. Default float64. */
  @IsIn(['float64', 'float32'])
  precision: 'float64' | 'float32' = 'float64';

  /** An input with at most so many elements is checked element by element. Default 128. */
  @IsInt()
  @Min(0)
  @Max(MOST_PROBES)
  maximumElements = 128;

  /** How many elements of a bigger input are checked one by one, that of the largest gradient among them. Default 12. */
  @IsInt()
  @Min(1)
  @Max(MOST_PROBES)
  sampledElements = 12;

  /** Along how many random directions, all elements at once, a bigger input is checked. Default 4. */
  @IsInt()
  @Min(1)
  @Max(MOST_PROBES)
  directions = 4;

  /** Seed of sampled elements and directions. Default 0. */
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  seed = 0;

  /** Whether a check that fails throws, for use in tests. Default false: the report says it. */
  @IsBoolean()
  throws = false;
}

/** Options of `gradcheck` and `gradgradcheck`. */
export class GradcheckOptions extends CheckOptions {
  /** What the report calls the inputs. Default `'0'`, `'1'`, ...; inside a record `'0.kernel'`. */
  @IsOptional()
  @IsArray()
  @IsString({ each: true })
  names?: readonly string[];

  /** Whether the float32 gradient is compared with the float64 one, too: see `ModelGradcheckOptions`. Default false. */
  @IsBoolean()
  compareFloat32 = false;
}

/** Options of `model.gradcheck`. */
export class ModelGradcheckOptions extends CheckOptions {
  /**
   * Whether the float32 gradient is compared with the float64 one, too. A layer whose kernel has no double version is
   * composed of others in float64: this is what checks the kernel itself. Default true.
   */
  @IsBoolean()
  compareFloat32 = true;
}
