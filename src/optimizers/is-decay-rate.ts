import { ValidateBy } from 'class-validator';

/** Validates the rate of an exponential average: at 1 it would never take anything in. */
export function IsDecayRate(): PropertyDecorator {
  return ValidateBy({
    name: 'isDecayRate',
    validator: {
      validate: (value) => typeof value === 'number' && value >= 0 && value < 1,
      defaultMessage: (field) => `${field?.property ?? 'it'} must be a number of at least 0 and below 1`,
    },
  });
}
