import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { checkFolder, readFolder } from '../../src/storage/read-folder.js';
import { writeFolder } from '../../src/storage/write-folder.js';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'adjoint-storage-')));
  path = join(folder, 'model');
  const parts = ['a.bin', 'b.bin'].map((name, i) => ({ name, pieces: [new Uint8Array(100).fill(i)] }));
  await writeFolder(path, { format: 'adjoint-model', parts, meta: { epoch: 3 } });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const manifestPath = () => join(path, 'manifest.json');

/** The manifest with other fields and a right seal, as a hostile writer makes it. */
function rewrite(change: (manifest: Record<string, unknown>) => void): void {
  const manifest = JSON.parse(readFileSync(manifestPath(), 'utf8')) as Record<string, unknown>;
  delete manifest['sha256'];
  change(manifest);
  const body = JSON.stringify(manifest, null, 2).slice(0, -2);
  const sha256 = createHash('sha256').update(body).digest('hex');
  writeFileSync(manifestPath(), `${body},\n  "sha256": "${sha256}"\n}\n`);
}

const makePipe = (at: string) => spawnSync('bash', ['-c', 'mkfifo "$0"', at]);

function flip(file: string, at: number): void {
  const bytes = readFileSync(file);
  bytes[at]! ^= 1 << (at % 8);
  writeFileSync(file, bytes);
}

describe('readFolder', () => {
  it('opens a complete folder', async () => {
    const { manifest } = await readFolder(path, { format: 'adjoint-model' });
    expect(manifest.meta).toEqual({ epoch: 3 });
    expect(await checkFolder(path)).toMatchObject({ complete: true, problems: [] });
    rewrite(() => undefined);
    expect((await checkFolder(path)).complete).toBe(true);
  });

  it('sees every changed bit of a part', async () => {
    flip(join(path, 'b.bin'), 99);
    await expect(readFolder(path)).rejects.toThrow(/DataError \[part-hash\] part "b.bin" of folder/);
    expect((await checkFolder(path, { hash: false })).complete).toBe(true);
  });

  it('sees every changed bit of the manifest', async () => {
    const { length } = readFileSync(manifestPath());
    for (let at = 0; at < length; at++) {
      flip(manifestPath(), at);
      expect([at, (await checkFolder(path)).complete]).toEqual([at, false]);
      flip(manifestPath(), at);
    }
    expect((await checkFolder(path)).complete).toBe(true);
  });

  it('sees a manifest cut short or continued', async () => {
    const whole = readFileSync(manifestPath());
    for (const length of [0, 1, 50, whole.length - 1]) {
      truncateSync(manifestPath(), length);
      expect((await checkFolder(path)).problems).toHaveLength(1);
      writeFileSync(manifestPath(), whole);
    }
    writeFileSync(manifestPath(), Buffer.concat([whole, Buffer.from(' ')]));
    await expect(readFolder(path)).rejects.toThrow(/\[manifest\][^]*without its SHA-256/);
  });

  it('says all that is wrong', async () => {
    truncateSync(join(path, 'a.bin'), 99);
    rmSync(join(path, 'b.bin'));
    const { problems } = await checkFolder(path);
    expect(problems.map(({ kind }) => kind)).toEqual(['part-size', 'no-such-file']);
    await expect(readFolder(path)).rejects.toThrow(
      /damaged-folder[^]*"a.bin"[^]*99 bytes; expected 100 bytes\n[^]*"b.bin"[^]*nothing/,
    );
  });

  it.each([
    ['a link out of the folder', () => symlinkSync('/etc/passwd', join(path, 'b.bin')), /not-a-file[^]*symbolic link/],
    ['a folder', () => mkdirSync(join(path, 'b.bin')), /not-a-file[^]*a folder/],
    ['a pipe, which never ends', () => makePipe(join(path, 'b.bin')), /not-a-file[^]*pipe/],
  ])('does not read a part that is %s', async (_, make, message) => {
    rmSync(join(path, 'b.bin'));
    make();
    await expect(readFolder(path)).rejects.toThrow(message);
  });

  it('does not read a manifest that is a pipe or a link', async () => {
    renameSync(manifestPath(), join(folder, 'elsewhere.json'));
    symlinkSync(join(folder, 'elsewhere.json'), manifestPath());
    await expect(readFolder(path)).rejects.toThrow(/not-a-file/);
    rmSync(manifestPath());
    makePipe(manifestPath());
    await expect(readFolder(path)).rejects.toThrow(/not-a-file/);
  });

  it.each<[string, (manifest: Record<string, unknown>) => void, RegExp]>([
    [
      'a newer version',
      (m) => Object.assign(m, { version: 2, adjoint: '9.0.0' }),
      /newer-version[^]*version 1[^]*9\.0\.0[^]*update/,
    ],
    ['another version', (m) => (m['version'] = '1'), /"version"/],
    ['another format', (m) => (m['format'] = 'zip'), /"format"[^]*adjoint-model/],
    ['a format of the prototype', (m) => (m['format'] = 'toString'), /"format"/],
    ['a name above', (m) => (m['parts'] = [{ name: '../a', bytes: 1, sha256: 'x' }]), /plain file name/],
    ['an absolute name', (m) => (m['parts'] = [{ name: '/etc/passwd', bytes: 1, sha256: 'x' }]), /plain file name/],
    [
      'a name twice',
      (m) => (m['parts'] = [...(m['parts'] as object[]), ...(m['parts'] as object[])]),
      /every part once/,
    ],
    ['a negative size', (m) => (m['parts'] = [{ name: 'a', bytes: -1, sha256: 'x' }]), /number of bytes/],
    ['a huge size', (m) => (m['parts'] = [{ name: 'a', bytes: 1e300, sha256: 'x' }]), /number of bytes/],
    ['no hash', (m) => (m['parts'] = [{ name: 'a', bytes: 1 }]), /SHA-256/],
    ['no parts', (m) => delete m['parts'], /"parts"/],
    ['meta that is no object', (m) => (m['meta'] = []), /"meta"/],
  ])('refuses %s', async (_, change, message) => {
    rewrite(change);
    await expect(readFolder(path)).rejects.toThrow(message);
  });

  it('refuses another kind of folder, and no folder', async () => {
    await expect(readFolder(path, { format: 'adjoint-checkpoint' })).rejects.toThrow(/other-format[^]*adjoint-model/);
    await expect(readFolder(join(folder, 'none'))).rejects.toThrow(/no-such-file\] manifest.json of folder/);
    await expect(readFolder(manifestPath())).rejects.toThrow(/no-such-file/);
  });
});
