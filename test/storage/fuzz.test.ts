import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { runFuzz } from './fuzz/run-fuzz.js';
import { storageTargets } from './fuzz/storage-targets.js';

const CASES = 4000;
/** `npm run test:fuzz` takes another one each time. */
const SEED = 8;

describe('the readers of files', () => {
  it('answer hostile bytes with an AdjointError', async () => {
    const { crashes, accepted, kinds, cases } = await runFuzz(storageTargets, CASES, SEED);
    expect(crashes).toEqual([]);
    expect(cases).toBeGreaterThan(0.8 * CASES);
    // It reaches past the first check: some files are still right, and every kind of fault is met.
    expect(accepted).toBeGreaterThan(CASES / 50);
    expect([...kinds.keys()]).toEqual(
      expect.arrayContaining(['safetensors', 'manifest', 'newer-version', 'json', 'json-key', 'json-limit']),
    );
  });

  it('are found out where they throw anything else', async () => {
    const inputs = fc.uint8Array({ maxLength: 4 });
    const read = (bytes: Uint8Array) => {
      if (bytes[0]! > 200) throw new TypeError('not handled');
    };
    const { crashes } = await runFuzz([{ name: 'careless', percent: 100, inputs, read }], 500, SEED);
    expect(crashes).toEqual([expect.stringMatching(/^careless: TypeError: not handled[^]*with ".+"$/)]);
  });
});
