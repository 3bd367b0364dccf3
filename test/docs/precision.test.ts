import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { opPrecision, precisionTable } from '../../src/engine/precision/precision-table.js';
import { SLOW_HALF_KERNELS_ON_CPU } from '../../src/engine/precision/slow-half-kernels.js';
import { LossScaleOptions } from '../../src/training/loss-scale-settings.js';

const PAGE = new URL('../../docs/precision.md', import.meta.url);
const page = (): string => readFileSync(PAGE, 'utf8');
const listed = (ops: Iterable<string>): string => [...ops].map((op) => `\`${op}\``).join(', ');

/** What stands between two marks, by the mark's name. Written anew with UPDATE_DOCS=1. */
function expectShown(name: string, text: string): void {
  const block = new RegExp(
    `(<!-- ${name}: written by test/docs/precision\\.test\\.ts -->\\n\\n)([^]*?)(\\n\\n<!-- end of ${name} -->)`,
  );
  expect(page()).toMatch(block);
  if (process.env.UPDATE_DOCS === '1') {
    writeFileSync(
      PAGE,
      page().replace(block, (_, start: string, __, end: string) => `${start}${text}${end}`),
    );
  }
  expect(block.exec(page())![2]).toBe(text);
}

describe('docs/precision.md', () => {
  it('shows the table as it is', () => {
    const { half, follows } = precisionTable();
    expectShown('table', `\`half\`: ${listed(half)}.\n\n\`follows\`: ${listed(follows)}.`);
    for (const op of half) expect(opPrecision(op)).toBe('half');
    for (const op of follows) expect(opPrecision(op)).toBe('follows');
  });

  it('shows the slow kernels as they are', () => {
    const { mixed_bfloat16: bfloat16, mixed_float16: float16 } = SLOW_HALF_KERNELS_ON_CPU;
    expectShown('slow', `bfloat16: ${listed(bfloat16)}.\n\nfloat16: ${listed(float16)}.`);
    // Only what would be in half precision at all.
    for (const op of [...bfloat16, ...float16]) expect(opPrecision(op)).not.toBe('float32');
  });

  it('lists each op once, in order', () => {
    const { half, follows } = precisionTable();
    expect(new Set([...half, ...follows]).size).toBe(half.length + follows.length);
    const byCode = (ops: readonly string[]) => [...ops].sort((a, b) => (a < b ? -1 : 1));
    for (const ops of [half, follows]) expect(ops).toEqual(byCode(ops));
  });

  it('tells the defaults of the loss scale', () => {
    const { initial, growthFactor, backoff, growthInterval } = new LossScaleOptions();
    expect({ initial, growthFactor, backoff, growthInterval }).toEqual({
      initial: 2 ** 15,
      growthFactor: 2,
      backoff: 1 / 2,
      growthInterval: 2000,
    });
    expect(page()).toContain(`count = ${growthInterval} (growthInterval)`);
    expect(page()).toContain('s = 2^15');
  });
});
