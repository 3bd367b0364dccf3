import { describe, expect, it } from '@jest/globals';
import { EngineError } from '../../src/core/errors.js';
import { HandleTable } from '../../src/engine/ffi/handle-table.js';

describe('HandleTable', () => {
  it('finds what was put in, past the first capacity', () => {
    const table = new HandleTable();
    const ids = Array.from({ length: 10_000 }, (_, i) => table.insert(1000 + i, i % 20));
    expect(new Set(ids).size).toBe(10_000);
    expect(ids.map((id) => table.address(id, 'here'))).toEqual(ids.map((_, i) => 1000 + i));
    expect(table.type(ids[7]!, 'here')).toBe(7);
    expect([table.live, table.created]).toEqual([10_000, 10_000]);
  });

  it('never resolves an old id to what took its slot', () => {
    const table = new HandleTable();
    const old = table.insert(1, 1);
    expect(table.remove(old, 'here')).toBe(1);
    const young = table.insert(2, 1);
    expect(young % 2 ** 24).toBe(old % 2 ** 24);
    expect(table.has(old)).toBe(false);
    expect(() => table.address(old, 'a test')).toThrow(EngineError);
    expect(() => table.remove(old, 'a test')).toThrow('a test');
    expect(table.address(young, 'here')).toBe(2);
    expect([table.live, table.created]).toEqual([1, 2]);
  });

  it('uses few slots for many short-lived handles', () => {
    const table = new HandleTable();
    for (let i = 0; i < 100_000; i++) table.remove(table.insert(5, 1), 'here');
    expect(table.insert(5, 1) % 2 ** 24).toBe(0);
  });
});
