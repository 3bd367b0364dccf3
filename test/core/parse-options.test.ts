import { describe, expect, it } from '@jest/globals';
import { IsInt, IsOptional, IsString, Min } from 'class-validator';
import { NoOptions } from '../../src/core/declaration.js';
import { OptionsError } from '../../src/core/errors.js';
import { optionNames, parseOptions } from '../../src/core/parse-options.js';

class BaseOptions {
  @IsOptional() @IsString() name?: string;
}
class WidthOptions extends BaseOptions {
  @IsInt() @Min(1) units!: number;
  @IsInt() depth = 2;
}

function failureOf(input: unknown, optionsClass: new () => object = WidthOptions): OptionsError {
  try {
    parseOptions(optionsClass, input, 'layer Wide');
  } catch (error) {
    if (error instanceof OptionsError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('parseOptions', () => {
  it('puts the values over the defaults and freezes the result', () => {
    const input = { units: 3, name: undefined };
    const options = parseOptions(WidthOptions, input, 'layer Wide');
    expect({ ...options }).toEqual({ units: 3, depth: 2 });
    expect(options).toBeInstanceOf(WidthOptions);
    expect(Object.isFrozen(options)).toBe(true);
    expect(Object.isFrozen(input)).toBe(false);
  });

  it('takes a default for a value of undefined', () => {
    expect(parseOptions(WidthOptions, { units: 1, depth: undefined }, 'layer Wide').depth).toBe(2);
  });

  it('names the nearest option for an unknown one', () => {
    const error = failureOf({ unit: 3 });
    expect(error.kind).toBe('unknown-option');
    expect(error.where).toBe('option "unit" of layer Wide');
    expect(error.fix).toBe('did you mean "units"?');
  });

  it('knows the options of ancestors, and none of other classes', () => {
    expect([...optionNames(WidthOptions)].sort()).toEqual(['depth', 'name', 'units']);
    expect([...optionNames(BaseOptions)]).toEqual(['name']);
    expect(failureOf({ a: 1 }, NoOptions).fix).toBe('leave it out');
  });

  it('says what is wrong with a value', () => {
    const error = failureOf({ units: 0 });
    expect(error.kind).toBe('invalid-option');
    expect(error.expected).toBe('a whole number of at least 1');
    expect(error.received).toBe('0');
    expect(failureOf({}).where).toBe('option "units" of layer Wide');
    expect(failureOf({ units: Number.NaN }).received).toBe('NaN');
  });

  it.each([3, 'x', null, [1]])('refuses %j in place of an object', (input) => {
    expect(failureOf(input).kind).toBe('options-type');
  });

  it('is not led astray by names of Object.prototype', () => {
    expect(failureOf({ units: 1, toString: 1 }).kind).toBe('unknown-option');
    expect(failureOf(JSON.parse('{"units":1,"__proto__":{"units":2}}')).kind).toBe('unknown-option');
  });
});
