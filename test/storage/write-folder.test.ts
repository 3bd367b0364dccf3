import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
} from 'node:fs';
import { realpathSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DataError } from '../../src/core/errors.js';
import { readFolder } from '../../src/storage/read-folder.js';
import { writeFileAtomically } from '../../src/storage/write-file.js';
import { removeFolder, writeFolder } from '../../src/storage/write-folder.js';
import type { FolderContent } from '../../src/storage/write-folder.js';

const CHILD = ['--import', 'tsx', join(process.cwd(), 'test/storage/write-child.ts')];
/** A process that ended long ago has a number that no running one is likely to have. */
const DEAD = 2 ** 22 - 3;

let folder: string;
let path: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'adjoint-storage-')));
  path = join(folder, 'model');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function content(text: string, meta = {}): FolderContent {
  const pieces = [...text].map((letter) => new TextEncoder().encode(letter));
  return { format: 'adjoint-model', parts: [{ name: 'a.txt', pieces }], meta };
}
const textOf = async () => readFileSync(join((await readFolder(path)).path, 'a.txt'), 'utf8');

describe('writeFolder', () => {
  it('writes parts and a manifest', async () => {
    const manifest = await writeFolder(path, content('hello', { epoch: 3 }));
    expect(manifest).toMatchObject({
      format: 'adjoint-model',
      version: 1,
      meta: { epoch: 3 },
      parts: [
        {
          name: 'a.txt',
          bytes: 5,
          sha256: '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824',
        },
      ],
    });
    expect((await readFolder(path)).manifest).toEqual(manifest);
    expect(readdirSync(path).sort()).toEqual(['a.txt', 'manifest.json']);
    expect(readdirSync(folder)).toEqual(['model']);
  });

  it('makes the folders above it, and fills an empty one', async () => {
    await writeFolder(join(folder, 'x', 'y', 'model'), content('1'));
    expect(existsSync(join(folder, 'x/y/model/manifest.json'))).toBe(true);
    mkdirSync(path);
    await writeFolder(path, content('1'));
    expect(await textOf()).toBe('1');
  });

  it('replaces a folder of its own, and keeps files that are not', async () => {
    await writeFolder(path, content('old'));
    writeFileSync(join(path, 'notes.md'), 'mine');
    writeFileSync(join(path, 'b.txt'), 'mine, too');
    await writeFolder(path, { ...content('new'), parts: [...content('new').parts, { name: 'b.txt', pieces: [] }] });
    expect(await textOf()).toBe('new');
    expect(readFileSync(join(path, 'notes.md'), 'utf8')).toBe('mine');
    expect(readFileSync(join(path, 'b.txt.previous'), 'utf8')).toBe('mine, too');
    expect(readdirSync(folder)).toEqual(['model']);
  });

  it('replaces the folder behind a link', async () => {
    await writeFolder(join(folder, 'real'), content('old'));
    symlinkSync('real', path);
    await writeFolder(path, content('new'));
    expect(await textOf()).toBe('new');
    expect(readdirSync(folder).sort()).toEqual(['model', 'real']);
  });

  it.each<[string, () => void]>([
    ['a folder of files of its own', () => writeFileSync((mkdirSync(path), join(path, 'thesis.tex')), '')],
    [
      'a folder with a manifest of another program',
      () => writeFileSync((mkdirSync(path), join(path, 'manifest.json')), '{}'),
    ],
    ['a file', () => writeFileSync(path, 'precious')],
    ['a dangling link', () => symlinkSync('nowhere', path)],
  ])('does not replace %s', async (_, make) => {
    make();
    await expect(writeFolder(path, content('x'))).rejects.toThrow(/DataError \[not-ours\] folder/);
    expect(readdirSync(folder)).toEqual(['model']);
  });

  it('changes nothing where the pieces fail, and throws what they throw', async () => {
    await writeFolder(path, content('old'));
    const pieces = function* () {
      yield new Uint8Array(10);
      throw new RangeError('no more');
    };
    const failing = { ...content(''), parts: [{ name: 'a.txt', pieces: pieces() }] };
    await expect(writeFolder(path, failing)).rejects.toThrow(RangeError);
    await expect(writeFolder(path, content('x', { loss: NaN }))).rejects.toThrow(/json-value/);
    expect(await textOf()).toBe('old');
    expect(readdirSync(folder)).toEqual(['model']);
  });

  it.each(['../a', '/a', 'a/b', 'a\\b', '.', '..', '.hidden', '', 'manifest.json'])(
    'refuses a part %j',
    async (name) => {
      const wrong = { ...content(''), parts: [{ name, pieces: [new Uint8Array(1)] }] };
      await expect(writeFolder(path, wrong)).rejects.toThrow(/DataError \[manifest\][^]*plain file name/);
      expect(readdirSync(folder)).toEqual([]);
    },
  );

  it('takes several writers of one name in their order of finishing', async () => {
    const texts = ['1', '22', '333', '4444'];
    await Promise.all(texts.map((text) => writeFolder(path, content(text))));
    expect(texts).toContain(await textOf());
    expect(readdirSync(folder)).toEqual(['model']);
  });

  it('goes on where a process died before the new folder took the name', async () => {
    await writeFolder(path, content('old'));
    renameSync(path, join(folder, '.model.previous'));
    expect(await textOf()).toBe('old');
    await writeFolder(path, content('new'));
    expect(await textOf()).toBe('new');
    expect(readdirSync(folder)).toEqual(['model']);
  });

  it('goes on where a process died before the old folder was removed', async () => {
    await writeFolder(path, content('new'));
    cpSync(path, join(folder, '.model.previous'), { recursive: true });
    rmSync(join(folder, '.model.previous', 'a.txt'));
    writeFileSync(join(folder, '.model.previous', 'notes.md'), 'mine');
    expect(await textOf()).toBe('new');
    await writeFolder(path, content('newer'));
    expect(await textOf()).toBe('newer');
    expect(readFileSync(join(path, 'notes.md'), 'utf8')).toBe('mine');
    expect(readdirSync(folder)).toEqual(['model']);
  });

  it('removes what dead processes have begun, and nothing of a running one', async () => {
    const names = [`.model.partial-${DEAD}-1`, `.model.partial-${process.pid}-99`, `.model.partial-${process.ppid}-1`];
    for (const name of [...names, `.other.partial-${DEAD}-1`]) mkdirSync(join(folder, name));
    await writeFolder(path, content('x'));
    expect(readdirSync(folder).sort()).toEqual([names[2], `.other.partial-${DEAD}-1`, 'model'].sort());
  });

  it('leaves the event loop free while it writes', async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const big = { ...content(''), parts: [{ name: 'a.bin', pieces: [new Uint8Array(50e6)] }] };
    await writeFolder(path, big);
    clearInterval(timer);
    // 48 chunks with a turn after each.
    expect(turns).toBeGreaterThan(10);
  });

  it('is whole whenever its process is killed', async () => {
    for (let round = 0; round < 6; round++) {
      const child = spawn(process.execPath, [...CHILD, path, '3000000', '100000'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const ended = once(child, 'exit');
      let last = 0;
      child.stdout.on('data', (text: Buffer) => (last = Number(/written (\d+)\n$/.exec(text.toString())?.[1] ?? last)));
      while (last === 0) await sleep(2);
      await sleep(Math.random() * 60);
      child.kill('SIGKILL');
      await ended;
      const { manifest, path: found } = await readFolder(path);
      const i = manifest.meta['i'] as number;
      expect(i).toBeGreaterThanOrEqual(last);
      expect(readFileSync(join(found, 'data.bin')).every((byte) => byte === i % 256)).toBe(true);
    }
    await writeFolder(path, content('end'));
    expect(readdirSync(folder)).toEqual(['model']);
  });
});

/** Runs the child below a limit of the system, after a folder that fits is there. */
async function writeBeyond(command: string, where: string): Promise<string> {
  const child = `"${process.execPath}" ${CHILD.map((word) => `"${word}"`).join(' ')} "${where}" 3000000`;
  const { stdout, status, stderr } = spawnSync('bash', ['-c', command.replace('CHILD', child)], { encoding: 'utf8' });
  if (status !== 3) throw new Error(`ended with ${status}:\n${stdout}${stderr}`);
  return stdout;
}

describe('a disk that refuses', () => {
  it('is named at the limit on the size of a file, and the previous folder stays', async () => {
    await writeFolder(path, content('old'));
    const message = await writeBeyond('ulimit -f 1000; CHILD', path);
    expect(message).toMatch(/^DataError \[write-failed\] folder ".*model"[^]*EFBIG[^]*fix .*ulimit -f/);
    expect(await textOf()).toBe('old');
    expect(readdirSync(folder)).toEqual(['model']);
  });

  it('is named where it is full, and the previous folder stays', async () => {
    const mount = 'mount -t tmpfs -o size=2m tmpfs';
    const own = 'unshare --user --map-root-user --mount';
    if (
      spawnSync(own.split(' ')[0]!, [...own.split(' ').slice(1), 'bash', '-c', `${mount} "${folder}"`]).status !== 0
    ) {
      console.warn('no small tmpfs here: this user may not mount one in a namespace. The file size limit was tested.');
      return;
    }
    const message = await writeBeyond(
      `${own} bash -c '${mount} "${folder}" && mkdir "${path}" && CHILD; code=$?; ls -A "${folder}" "${path}"; exit $code'`,
      path,
    );
    expect(message).toMatch(/^DataError \[write-failed\] folder ".*model"[^]*ENOSPC[^]*fix +make room/);
    // Only the empty folder that was there.
    expect(message).toMatch(/:\nmodel\n\n[^\n]*:\n$/);
  });

  it('is named where a part of the path is a file', async () => {
    writeFileSync(join(folder, 'file'), '');
    const below = join(folder, 'file', 'model');
    for (const write of [writeFolder(below, content('x')), writeFileAtomically(below, [])]) {
      await expect(write).rejects.toThrow(
        /DataError \[write-failed\][^]*(ENOTDIR|EEXIST)[^]*a part of the path is a file/,
      );
    }
  });

  it('is named where the folder is read-only', async () => {
    if (process.getuid?.() === 0) {
      console.warn('root may write to every folder: an immutable one of the system is used in place of chmod');
      await expect(writeFolder('/proc/model', content('x'))).rejects.toThrow(
        /DataError \[write-failed\] folder "\/proc/,
      );
      return;
    }
    chmodSync(folder, 0o500);
    await expect(writeFolder(path, content('x'))).rejects.toThrow(/DataError \[write-failed\][^]*EACCES/);
    chmodSync(folder, 0o700);
  });

  it('is named where the system makes no folders', async () => {
    const below = join('/proc', 'adjoint', 'model');
    for (const write of [writeFolder(below, content('x')), writeFileAtomically(below, [])]) {
      await expect(write).rejects.toThrow(/DataError \[write-failed\]/);
    }
  });

  it('is named where a name is too long', async () => {
    const long = join(folder, 'x'.repeat(300));
    await expect(writeFolder(long, content('x'))).rejects.toThrow(/write-failed[^]*ENAMETOOLONG[^]*shorter/);
  });
});

describe('writeFileAtomically', () => {
  it('writes, replaces, and leaves the old file where the pieces fail', async () => {
    const file = join(folder, 'x', 'a.bin');
    await writeFileAtomically(file, [Uint8Array.of(1, 2)]);
    expect(await writeFileAtomically(file, [Uint8Array.of(3)])).toMatchObject({ bytes: 1 });
    expect([...readFileSync(file)]).toEqual([3]);
    const failing = (function* () {
      yield Uint8Array.of(4);
      throw new Error('no more');
    })();
    await expect(writeFileAtomically(file, failing)).rejects.toThrow('no more');
    expect([...readFileSync(file)]).toEqual([3]);
    expect(readdirSync(join(folder, 'x'))).toEqual(['a.bin']);
  });

  it('does not replace a folder', async () => {
    await expect(writeFileAtomically(folder, [Uint8Array.of(1)])).rejects.toThrow(DataError);
    expect(statSync(folder).isDirectory()).toBe(true);
  });
});

describe('removeFolder', () => {
  it('removes what the manifest lists', async () => {
    await writeFolder(path, content('x'));
    await removeFolder(path);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('leaves other files, and what it cannot read', async () => {
    await writeFolder(path, content('x'));
    writeFileSync(join(path, 'notes.md'), 'mine');
    await removeFolder(path);
    expect(readdirSync(path)).toEqual(['notes.md']);
    await writeFolder(join(folder, 'b'), content('x'));
    appendFileSync(join(folder, 'b', 'manifest.json'), ' ');
    await expect(removeFolder(join(folder, 'b'))).rejects.toThrow(/manifest/);
    expect(readdirSync(join(folder, 'b')).length).toBe(2);
  });
});
