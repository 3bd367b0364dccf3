import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { cacheDirectory } from '../../src/data/cache-directory.js';
import { DownloadMnistOptions, downloadFiles, downloadMnist, mnistFiles } from '../../src/data/download-mnist.js';

const contents = Buffer.from(Array.from({ length: 50_000 }, (_, i) => (i * 7919) % 251));
const sha256 = createHash('sha256').update(contents).digest('hex');
const files = [
  { name: 'one.gz', bytes: contents.length, sha256 },
  { name: 'two.gz', bytes: contents.length, sha256 },
];

/** What the server does below each folder. */
const manners: Record<string, (response: ServerResponse) => void> = {
  good: (response) => response.end(contents),
  wrong: (response) => response.end(Buffer.from(contents).fill(1, 100, 101)),
  page: (response) => response.end('<html>sign in</html>'),
  long: (response) => {
    response.write(contents);
    response.end(contents);
  },
  missing: (response) => response.writeHead(404).end('no'),
  cut: (response) => {
    response.writeHead(200, { 'content-length': contents.length });
    response.write(contents.subarray(0, 20_000), () => response.destroy());
  },
  stall: (response) => void response.write(contents.subarray(0, 20_000)),
  silent: () => undefined,
  slow: (response) => {
    let sent = 0;
    const timer = setInterval(() => {
      response.write(contents.subarray(sent, (sent += 10_000)));
      if (sent >= contents.length) {
        clearInterval(timer);
        response.end();
      }
    }, 60);
  },
};

let server: Server;
let base: string;
let directory: string;
let asked: string[];

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(request.url!);
    manners[request.url!.split('/')[1]!]!(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'adjoint-download-'));
  asked = [];
});
afterEach(() => rmSync(directory, { recursive: true }));

function fetchFrom(places: readonly string[], more: Partial<DownloadMnistOptions> = {}): Promise<string> {
  const mirrors = places.map((place) => `${base}/${place}`);
  return downloadFiles(files, { ...new DownloadMnistOptions(), mirrors, ...more, directory });
}

describe('downloadFiles', () => {
  it('fetches, checks and keeps; a sound file is not fetched again', async () => {
    expect(await fetchFrom(['good'])).toBe(directory);
    expect(readdirSync(directory).sort()).toEqual(['one.gz', 'two.gz']);
    expect(readFileSync(join(directory, 'two.gz')).equals(contents)).toBe(true);
    expect(asked).toEqual(['/good/one.gz', '/good/two.gz']);
    const { mtimeMs } = statSync(join(directory, 'one.gz'));
    await fetchFrom(['good']);
    expect(asked).toHaveLength(2);
    expect(statSync(join(directory, 'one.gz')).mtimeMs).toBe(mtimeMs);
  });

  it('replaces a damaged file', async () => {
    writeFileSync(join(directory, 'one.gz'), 'damaged');
    await fetchFrom(['good']);
    expect(readFileSync(join(directory, 'one.gz')).equals(contents)).toBe(true);
  });

  it.each([
    ['wrong', 'wrong contents, SHA-256'],
    ['page', '20 of 50000 bytes'],
    ['long', 'more than the 50000 bytes'],
    ['missing', 'status 404'],
    ['cut', 'terminated'],
    ['stall', 'no byte for 0.3 s'],
    ['silent', 'no byte for 0.3 s'],
  ])('from a mirror that is %s: an error that tells why, and nothing left behind', async (place, reason) => {
    await expect(fetchFrom([place], { timeoutSeconds: 0.3 })).rejects.toMatchObject({
      kind: 'download-failed',
      where: 'the download of one.gz',
      received: expect.stringContaining(reason),
    });
    expect(readdirSync(directory)).toEqual([]);
  });

  it('asks the next mirror, and tells what each did where none is good', async () => {
    await fetchFrom(['missing', 'wrong', 'cut', 'good']);
    expect(asked.slice(0, 4)).toEqual(['/missing/one.gz', '/wrong/one.gz', '/cut/one.gz', '/good/one.gz']);
    rmSync(join(directory, 'one.gz'));
    await expect(fetchFrom(['missing', 'page'])).rejects.toThrow(
      /missing\/one\.gz: status 404[\s\S]*page\/one\.gz: 20 of/,
    );
  });

  it('a slow mirror is not given up while bytes come', async () => {
    const start = performance.now();
    await fetchFrom(['slow'], { timeoutSeconds: 0.25 });
    expect(performance.now() - start).toBeGreaterThan(250);
  });

  it('reports progress up to the whole', async () => {
    const seen: [number, number][] = [];
    await fetchFrom(['good'], { onProgress: (received, total) => seen.push([received, total]) });
    expect(new Set(seen.map(([, total]) => total))).toEqual(new Set([100_000]));
    expect(seen.map(([received]) => received)).toEqual([...seen.map(([received]) => received)].sort((a, b) => a - b));
    expect(seen.at(-1)).toEqual([100_000, 100_000]);
  });

  it('ends when asked to, and leaves nothing behind', async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error('changed my mind')), 50);
    await expect(fetchFrom(['stall', 'good'], { signal: controller.signal })).rejects.toThrow('changed my mind');
    expect(readdirSync(directory)).toEqual([]);
    expect(asked).toHaveLength(1);
  });
});

describe('downloadMnist', () => {
  it('asks for the four files of MNIST and takes no others for them', async () => {
    await expect(downloadMnist({ directory, mirrors: [`${base}/good/`] })).rejects.toMatchObject({
      kind: 'download-failed',
      where: 'the download of train-images-idx3-ubyte.gz',
      received: expect.stringContaining('50000 of 9912422 bytes'),
    });
    expect(asked).toEqual(['/good/train-images-idx3-ubyte.gz']);
    expect(mnistFiles.every((file) => /^[0-9a-f]{64}$/.test(file.sha256))).toBe(true);
  });

  it('keeps files below ADJOINT_CACHE, or in the cache folder of the system', () => {
    const before = process.env['ADJOINT_CACHE'];
    try {
      process.env['ADJOINT_CACHE'] = directory;
      expect(cacheDirectory('mnist')).toBe(join(directory, 'mnist'));
      delete process.env['ADJOINT_CACHE'];
      expect(cacheDirectory('mnist')).toMatch(/adjoint.*mnist$/);
    } finally {
      if (before !== undefined) process.env['ADJOINT_CACHE'] = before;
    }
  });

  it.each([
    ['no mirrors', { mirrors: [] }],
    ['a mirror that is no address', { mirrors: ['mnist'] }],
    ['a mirror of another protocol', { mirrors: ['ftp://example.org/'] }],
    ['a timeout of nothing', { timeoutSeconds: 0 }],
    ['an empty directory', { directory: '' }],
    ['no function', { onProgress: 5 as unknown as () => void }],
    ['no signal', { signal: 5 as unknown as AbortSignal }],
  ])('refuses %s', async (_what, options) => {
    await expect(downloadMnist(options)).rejects.toMatchObject({ kind: 'invalid-option' });
  });
});
