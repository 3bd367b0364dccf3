import { ValidateBy } from 'class-validator';
import { AdjointError } from '../core/errors.js';
import { resolveInitializer, type InitializerLike } from '../initializers/resolve-initializer.js';
import { resolveActivation, type ActivationLike } from './activations.js';
import { resolveRegularizer, type RegularizerLike } from './regularizers.js';

/** Validates what can be resolved by name; the message is the resolver's own, with the nearest name in it. */
function resolvable<T>(name: string, resolve: (value: T, where: string) => unknown): PropertyDecorator {
  return ValidateBy({
    name,
    validator: {
      validate: (value: T) => failureOf(resolve, value) === undefined,
      defaultMessage: (where) => {
        const failure = failureOf(resolve, where!.value as T)!;
        return [failure.expected, failure.fix].filter((part) => part !== undefined).join('; ');
      },
    },
  });
}

function failureOf<T>(resolve: (value: T, where: string) => unknown, value: T): AdjointError | undefined {
  try {
    resolve(value, '');
    return undefined;
  } catch (error) {
    if (error instanceof AdjointError) return error;
    throw error;
  }
}

/** The option is the name of an activation or a function. */
export const IsActivation = (): PropertyDecorator => resolvable<ActivationLike>('isActivation', resolveActivation);

/** The option is an initializer, its name, or its plain data. */
export const IsInitializer = (): PropertyDecorator => resolvable<InitializerLike>('isInitializer', resolveInitializer);

/** The option is a regularizer, its name, or its plain data. */
export const IsRegularizer = (): PropertyDecorator => resolvable<RegularizerLike>('isRegularizer', resolveRegularizer);

/** A size along height and width; one number stands for both. */
export type Size2D = number | readonly [height: number, width: number];

/** Height and width of a size. */
export function pairOf(size: Size2D): [height: number, width: number] {
  return typeof size === 'number' ? [size, size] : [size[0], size[1]];
}

/** The option is a positive whole number, or two of them. */
export function IsSize2D(): PropertyDecorator {
  return ValidateBy({
    name: 'isSize2D',
    validator: {
      validate: (value: unknown) => {
        const parts: unknown[] = Array.isArray(value) ? value : [value, value];
        return parts.length === 2 && parts.every((part) => Number.isInteger(part) && (part as number) > 0);
      },
      defaultMessage: () => '$property must be a positive whole number, or [height, width] of such numbers',
    },
  });
}

/** Names of the ways in which a window meets the edge of an image. */
export const PADDINGS = ['valid', 'same'] as const;

/** `valid`: only windows that lie inside the image; `same`: zeros around it, so that stride 1 keeps its size. */
export type Padding = (typeof PADDINGS)[number];
