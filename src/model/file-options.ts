import { IsArray, IsBoolean, IsIn, IsInt, IsObject, IsOptional, Min, ValidateBy } from 'class-validator';
import type { PathPredicate } from '../core/path-predicate.js';
import type { DeclaredClass } from '../core/services.js';
import { IsPathPredicate } from '../optimizers/is-path-predicate.js';
import { WEIGHT_LAYOUTS, type ImageShape, type WeightLayout } from './weight-layouts.js';

/** Options of `model.saveWeights`. */
export class SaveWeightsOptions {
  /** Whose names and order of axes the file has: `adjoint`, `keras` or `torch`. Default `adjoint`. */
  @IsIn(WEIGHT_LAYOUTS)
  weightLayout: WeightLayout = 'adjoint';

  /**
   * Layers whose inputs are flattened images, by path, with `[height, width, channels]`, for the layout `torch`, which
   * flattens channels first. Default: found in chains of layers.
   */
  @IsObject()
  flattenedImages: Readonly<Record<string, ImageShape>> = {};
}

/** Options of `model.loadWeights`. */
export class LoadWeightsOptions {
  /** Whose names and order of axes the file has: `adjoint`, `keras` or `torch`. Default: what the file says, else `adjoint`. */
  @IsOptional()
  @IsIn(WEIGHT_LAYOUTS)
  weightLayout?: WeightLayout;

  /**
   * Layers whose inputs are flattened images, by path, with `[height, width, channels]`, for the layout `torch`, which
   * flattens channels first. Default: found in chains of layers.
   */
  @IsObject()
  flattenedImages: Readonly<Record<string, ImageShape>> = {};

  /** Whether weights that are missing in the file, or differ in shape, are left as they are. Default false: all must fit. */
  @IsBoolean()
  partial = false;

  /**
   * The model's names of what the file names otherwise: a function of a name in the file, or an object by names or by
   * their first parts, `{ fc1: 'head', 'features.0': 'conv' }`. Default: names are equal.
   */
  @IsOptional()
  @ValidateBy({
    name: 'isRename',
    validator: {
      validate: (value: unknown) =>
        typeof value === 'function' ||
        (typeof value === 'object' &&
          value !== null &&
          !Array.isArray(value) &&
          Object.values(value).every((name) => typeof name === 'string')),
      defaultMessage: () => 'rename must be a function of a name, or an object of names by names',
    },
  })
  rename?: Readonly<Record<string, string>> | ((name: string) => string);

  /** Which weights are loaded, by path; the others stay, and need not be in the file. Default all. */
  @IsOptional()
  @IsPathPredicate()
  only?: PathPredicate;
}

/** Options of `model.save`. */
export class SaveModelOptions {
  /** Whether the settings of `compile` are saved. Default true, where the model is compiled. */
  @IsBoolean()
  compile = true;
}

/** Options of `loadModel`. */
export class LoadModelOptions {
  /** Classes of your own that the model is made of, beside the registered ones. Default none. */
  @IsArray()
  classes: readonly DeclaredClass[] = [];

  /** Whether the model is compiled as it was when it was saved. Default true. */
  @IsBoolean()
  compile = true;
}

/** Options of `model.exportSavedModel`. */
export class ExportOptions {
  /** The one size of a batch that the graph takes. Default: any size. */
  @IsOptional()
  @IsInt()
  @Min(1)
  batchSize?: number;
}
