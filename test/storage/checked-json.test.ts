import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { encodeJson, parseJson } from '../../src/storage/checked-json.js';
import type { JsonValue } from '../../src/storage/checked-json.js';

const bytesOf = (text: string) => new TextEncoder().encode(text);
const parse = (text: string, limits?: Parameters<typeof parseJson>[2]) => parseJson(bytesOf(text), 'file "a"', limits);

describe('parseJson', () => {
  it('reads JSON', () => {
    expect(parse('{"a": [1, -2.5e3, "x\\"}", null, true], "b": {}}')).toEqual({
      a: [1, -2500, 'x"}', null, true],
      b: {},
    });
    expect(parse('"{[,:"')).toBe('{[,:');
  });

  it.each([
    ['', /DataError \[json\] file "a"[^]*nothing/],
    ['{"a": 1', /\[json\]/],
    ['{"a"}', /\[json\]/],
    ['[1,]', /\[json\]/],
    ['NaN', /\[json\]/],
    ['\ufeff{}', /\[json\]/],
    ['{"a": 1, "b": 2, "a": 3}', /\[json-key\][^]*"a" twice/],
    ['{"a": 1, "\\u0061": 3}', /\[json-key\][^]*"a" twice/],
    ['{"__proto__": {"polluted": 1}}', /\[json-key\][^]*"__proto__"/],
    ['{"x": [{"\\u005f_proto__": 1}]}', /\[json-key\]/],
    ['{"constructor" \n: {"prototype": 1}}', /\[json-key\][^]*"constructor"/],
    ['['.repeat(1e6), /\[json-limit\][^]*200 levels/],
    [`${'{"a":'.repeat(300)}1${'}'.repeat(300)}`, /\[json-limit\]/],
  ])('refuses %p', (text, message) => {
    expect(() => parse(text)).toThrow(message);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  it('keeps to limits on bytes and values', () => {
    expect(() => parse('[1, 2, 3]', { bytes: 8 })).toThrow(/json-limit[^]*8 bytes[^]*9 bytes/);
    expect(() => parse('[1, 2, 3, 4]', { values: 3 })).toThrow(/json-limit[^]*3 values/);
    expect(() => parse('[[[1]]]', { depth: 2 })).toThrow(/json-limit/);
    expect(parse('[[1], [2]]', { depth: 2 })).toEqual([[1], [2]]);
  });

  it('refuses bytes that are no UTF-8', () => {
    expect(() => parseJson(Uint8Array.of(0x22, 0xff, 0x22), 'file "a"')).toThrow(/\[json\][^]*UTF-8/);
    expect(() => parseJson(Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22), 'file "a"')).toThrow(/UTF-8/);
  });

  it('leaves a key that is a value alone', () => {
    expect(parse('["__proto__", {"a": "constructor"}]')).toEqual(['__proto__', { a: 'constructor' }]);
  });

  it('reads what JSON.parse reads', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), (text) => {
        if (/__proto__|constructor|prototype/.test(text)) return;
        expect(parse(text)).toEqual(JSON.parse(text));
      }),
      { numRuns: 300 },
    );
  });
});

describe('encodeJson', () => {
  it('writes what parseJson reads', () => {
    const value = { a: [0, -1.5, 1e300, 5e-324], b: { c: 'ü\u2028"', d: null }, 7: true };
    expect(parseJson(encodeJson(value, 'x'), 'x')).toEqual(value);
  });

  it('leaves undefined fields out', () => {
    const value = { a: undefined, b: 1 } as unknown as JsonValue;
    expect(parseJson(encodeJson(value, 'x'), 'x')).toEqual({ b: 1 });
  });

  it.each<[unknown, RegExp]>([
    [{ loss: NaN }, /json-value\] "loss" of x[^]*NaN/],
    [[1, Infinity], /json-value\][^]*Infinity/],
    [[undefined], /json-value/],
    [undefined, /json-value/],
    [{ f: () => 1 }, /json-value/],
    [{ big: 1n }, /json-value/],
    [JSON.parse('{"__proto__": 1}'), /json-key/],
    [{ constructor: 1 }, /json-key/],
  ])('refuses %p', (value, message) => {
    expect(() => encodeJson(value as JsonValue, 'x')).toThrow(message);
  });
});
