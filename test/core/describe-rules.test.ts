import { describe, expect, it } from '@jest/globals';
import {
  ArrayNotEmpty,
  IsArray,
  IsIn,
  IsInstance,
  IsInt,
  IsNumber,
  IsPositive,
  IsString,
  Max,
  Min,
  ValidateBy,
} from 'class-validator';
import type { AdjointError } from '../../src/core/errors.js';
import { parseOptions } from '../../src/core/parse-options.js';

class RuledOptions {
  @IsInt() @Min(1) @Max(Number.MAX_SAFE_INTEGER) whole = 1;
  @IsNumber() @Max(3) most = 1;
  @IsNumber() @Min(0) @Max(1) share = 0;
  @IsNumber() @IsPositive() above = 1;
  @IsIn(['a', 2]) choice: unknown = 'a';
  @IsArray() @ArrayNotEmpty() @IsInt({ each: true }) list = [1];
  @IsInstance(Map) map = new Map();
  @IsNumber()
  @ValidateBy(
    { name: 'isEven', validator: { validate: (value) => (value as number) % 2 === 0 } },
    { message: 'even must be even' },
  )
  even = 2;
  @IsString({ message: 'motto must rhyme' }) motto = '';
}

describe('what an option should have been', () => {
  it.each([
    [{ whole: 0.5 }, 'a whole number of at least 1'],
    [{ whole: 2 ** 60 }, 'a whole number from 1 to 9007199254740991'],
    [{ most: 4 }, 'a finite number of at most 3'],
    [{ share: NaN }, 'a finite number from 0 to 1'],
    [{ above: 0 }, 'a finite number above 0'],
    [{ choice: 'b' }, 'one of "a", 2'],
    [{ list: [] }, 'a filled array of whole numbers'],
    [{ map: {} }, 'an instance of Map'],
    [{ even: 3 }, 'a finite number; even must be even'],
    [{ motto: 5 }, 'a string; motto must rhyme'],
  ])('%j: %s', (given, expected) => {
    let error: unknown;
    try {
      parseOptions(RuledOptions, given, 'the test');
    } catch (caught) {
      error = caught;
    }
    expect((error as AdjointError).expected).toBe(expected);
  });
});
