import { ValidateBy } from 'class-validator';
import { compilePathPredicate, type PathPredicate } from '../core/path-predicate.js';

/** Validates a choice of paths. */
export function IsPathPredicate(): PropertyDecorator {
  return ValidateBy({
    name: 'isPathPredicate',
    validator: {
      validate: isPathPredicate,
      defaultMessage: (field) =>
        `${field?.property ?? 'it'} must be a glob, a regular expression, a function, or a list of these`,
    },
  });
}

function isPathPredicate(value: unknown): boolean {
  try {
    compilePathPredicate(value as PathPredicate);
    return true;
  } catch {
    return false;
  }
}
