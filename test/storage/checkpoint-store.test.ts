import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { checkpointName, CheckpointStore } from '../../src/storage/checkpoint-store.js';

let path: string;
let store: CheckpointStore;
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'adjoint-storage-'));
  store = new CheckpointStore(path);
});
afterEach(() => rmSync(path, { recursive: true, force: true }));

const content = { parts: [{ name: 'state.bin', pieces: [new Uint8Array(10)] }] };
const KEEP_ALL = { keep: Infinity };
async function write(steps: number[], kept: Parameters<CheckpointStore['write']>[2] = KEEP_ALL): Promise<void> {
  for (const step of steps) await store.write(step, { ...content, meta: { step } }, kept);
}
const damage = (step: number) => truncateSync(join(path, checkpointName(step), 'state.bin'), 9);
const names = () => readdirSync(path).sort();

describe('CheckpointStore', () => {
  it('lists the newest first, by number and not by name', async () => {
    await write([5, 1_000_000_000, 20]);
    expect((await store.list()).map(({ step, complete }) => [step, complete])).toEqual([
      [1_000_000_000, true],
      [20, true],
      [5, true],
    ]);
    expect(names()).toEqual(['step-000000005', 'step-000000020', 'step-1000000000']);
  });

  it('opens the newest complete one, and says what it passed over', async () => {
    await write([10, 20, 30]);
    damage(30);
    mkdirSync(join(path, checkpointName(40)));
    const { checkpoint, skipped } = await store.newestComplete();
    expect(checkpoint).toMatchObject({ step: 20, name: 'step-000000020', manifest: { meta: { step: 20 } } });
    expect(skipped.map(({ name, problems }) => [name, problems.map(({ kind }) => kind)])).toEqual([
      ['step-000000040', ['no-such-file']],
      ['step-000000030', ['part-size']],
    ]);
  });

  it('hashes before it takes one', async () => {
    await write([10, 20]);
    writeFileSync(join(path, checkpointName(20), 'state.bin'), 'otherbytes');
    expect((await store.list())[0]!.complete).toBe(true);
    expect((await store.list({ hash: true }))[0]!.complete).toBe(false);
    expect((await store.newestComplete()).checkpoint!.step).toBe(10);
  });

  it('finds none in an empty folder, and refuses one that is not there', async () => {
    expect(await store.newestComplete()).toEqual({ skipped: [] });
    const missing = new CheckpointStore(join(path, 'none'));
    await expect(missing.newestComplete()).rejects.toThrow(/DataError \[no-such-folder\]/);
  });

  it('finds one that was set aside while another took its name', async () => {
    await write([10, 20]);
    renameSync(join(path, checkpointName(20)), join(path, `.${checkpointName(20)}.previous`));
    expect((await store.newestComplete()).checkpoint!.step).toBe(20);
    await write([20]);
    expect(names()).toEqual(['step-000000010', 'step-000000020']);
  });

  it('keeps the newest, the protected ones and the one just written', async () => {
    await write([10, 20, 30, 40], { keep: 2, protectedNames: ['step-000000010'] });
    expect(names()).toEqual(['step-000000010', 'step-000000030', 'step-000000040']);
    await write([5], { keep: 1 });
    expect(names()).toEqual(['step-000000005', 'step-000000040']);
  });

  it('removes nothing complete while newer ones are not', async () => {
    await write([10, 20, 30]);
    damage(30);
    await store.prune({ keep: 1 });
    expect(names()).toEqual(['step-000000020', 'step-000000030']);
    await write([40], { keep: 1 });
    expect(names()).toEqual(['step-000000040']);
  });

  it('leaves everything else alone', async () => {
    writeFileSync(join(path, 'notes.md'), 'mine');
    mkdirSync(join(path, 'step-1'));
    await write([10]);
    writeFileSync(join(path, checkpointName(10), 'plot.png'), 'mine');
    mkdirSync(join(path, `.${checkpointName(15)}.partial-${2 ** 22 - 3}-1`));
    await write([20], { keep: 1 });
    expect(names()).toEqual(['notes.md', 'step-000000010', 'step-000000020', 'step-1']);
    expect(readdirSync(join(path, checkpointName(10)))).toEqual(['plot.png']);
  });

  it('keeps the old ones where the new one fails', async () => {
    await write([10], { keep: 1 });
    // The name is refused after the part before it was written.
    const failing = { parts: [...content.parts, { name: '../state.bin', pieces: [] }] };
    await expect(store.write(20, failing, { keep: 1 })).rejects.toThrow(/plain file name/);
    expect(names()).toEqual(['step-000000010']);
  });
});
