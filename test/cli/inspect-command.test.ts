import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { inspectPath } from '../../src/cli/inspect-path.js';
import { CheckpointStore } from '../../src/storage/checkpoint-store.js';
import { encodeSafetensors } from '../../src/storage/safetensors.js';
import { storeValues } from '../../src/storage/stored-tensor.js';
import { writeFileAtomically } from '../../src/storage/write-file.js';
import { writeFolder } from '../../src/storage/write-folder.js';

const MAIN = ['--import', 'tsx', join(process.cwd(), 'src', 'cli', 'main.ts'), 'inspect'];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'adjoint-inspect-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const weights = () =>
  encodeSafetensors(
    new Map([
      ['head/kernel', storeValues('float32', new Float32Array(6), [2, 3])],
      ['head/\u001b[31mbias', storeValues('float32', new Float32Array(3), [3])],
    ]),
    new Map([['format', 'pt']]),
  );
const parts = () => [
  { name: 'model.json', pieces: [new TextEncoder().encode('{"layers": []}')] },
  { name: 'weights.safetensors', pieces: weights() },
];

function adjoint(name: string, ...options: string[]) {
  // Loading a library would fail.
  const env = { ...process.env, ADJOINT_LIBTENSORFLOW: join(folder, 'none') };
  return spawnSync(process.execPath, [...MAIN, join(folder, name), ...options], { encoding: 'utf8', env });
}

function layersModel(paths: string[], size: number, json = {}): void {
  writeFileSync(join(folder, 'group1-shard1of1.bin'), new Uint8Array(size));
  const entries = [
    { name: 'dense/kernel', shape: [2, 3], dtype: 'float32' },
    { name: 'dense/bias', shape: [3], dtype: 'float32', quantization: { dtype: 'uint8', min: 0, scale: 1 } },
  ];
  const weightsManifest = [{ paths, weights: entries }];
  const model = {
    format: 'layers-model',
    generatedBy: 'TensorFlow.js tfjs-layers v4.22.0',
    modelTopology: {},
    weightsManifest,
  };
  writeFileSync(join(folder, 'model.json'), JSON.stringify({ ...model, ...json }));
}

describe('adjoint inspect', () => {
  it('shows a model', async () => {
    await writeFolder(join(folder, 'digits'), { format: 'adjoint-model', parts: parts(), meta: { model: 'digits' } });
    const { stdout, status } = adjoint('digits');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^model +\/.*digits\nwhole +yes\nsize +\d+ B\nformat version +1\nwritten by +Adjoint \d/);
    expect(stdout).toMatch(/head\/kernel +│ F32 +│ \[2, 3\] +│ 24 B/);
    expect(stdout).toMatch(/weights\.safetensors +│ \d+ B +│ [0-9a-f]{16} /);
    // A name from the file does not reach the terminal as it is.
    expect(stdout).not.toContain('\u001b');
    expect(stdout).toContain('head/\\u{1b}[31mbias');
  });

  it('says what is wrong, with exit code 1', async () => {
    await writeFolder(join(folder, 'digits'), { format: 'adjoint-model', parts: parts() });
    truncateSync(join(folder, 'digits', 'weights.safetensors'), 100);
    const text = adjoint('digits');
    expect(text.status).toBe(1);
    expect(text.stdout).toMatch(/whole +NO[^]*wrong: part "weights\.safetensors"[^]*100 bytes; expected \d+ bytes/);
    const json = adjoint('digits', '--json');
    expect(json.status).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({ kind: 'model', complete: false, problems: [expect.any(String)] });
  });

  it('explains what it cannot inspect', () => {
    const missing = adjoint('nothing');
    expect(missing.status).toBe(1);
    expect(missing.stderr).toMatch(/^DataError \[no-such-path\] path ".*nothing"/);
    const json = adjoint('nothing', '--json');
    expect(json.status).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({ complete: false, error: 'no-such-path' });
  });
});

describe('inspectPath', () => {
  it('reads a safetensors file', async () => {
    const path = join(folder, 'a.safetensors');
    await writeFileAtomically(path, weights());
    expect(await inspectPath(path)).toMatchObject({
      kind: 'safetensors',
      complete: true,
      meta: { format: 'pt' },
      tensors: [
        { name: 'head/\u001b[31mbias', dtype: 'F32', shape: [3], bytes: 12 },
        { name: 'head/kernel', dtype: 'F32', shape: [2, 3], bytes: 24 },
      ],
    });
    renameSync(path, join(folder, 'weights'));
    expect(await inspectPath(join(folder, 'weights'))).toMatchObject({ kind: 'safetensors', complete: true });
    truncateSync(join(folder, 'weights'), 150);
    const { complete, problems } = await inspectPath(join(folder, 'weights'));
    expect([complete, problems]).toEqual([false, [expect.stringContaining('bytes')]]);
  });

  it('names a model by any of its files', async () => {
    const path = join(folder, 'digits');
    await writeFolder(path, { format: 'adjoint-model', parts: parts() });
    for (const name of ['manifest.json', 'model.json']) {
      expect(await inspectPath(join(path, name))).toMatchObject({ kind: 'model', complete: true });
    }
  });

  it('looks into checkpoints, one by one and together', async () => {
    const store = new CheckpointStore(folder);
    for (const step of [10, 20]) await store.write(step, { parts: parts(), meta: { step, epoch: 1 } }, { keep: 5 });
    expect(await inspectPath(join(folder, 'step-000000010'))).toMatchObject({
      kind: 'checkpoint',
      complete: true,
      version: 1,
      meta: { step: 10, epoch: 1 },
      tensors: [{ file: 'weights.safetensors' }, {}],
    });
    const weightFile = join(folder, 'step-000000020', 'weights.safetensors');
    const bytes = readFileSync(weightFile);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(weightFile, bytes);
    expect(await inspectPath(folder)).toMatchObject({
      kind: 'checkpoints',
      complete: false,
      problems: [expect.stringContaining('SHA-256')],
      checkpoints: [
        { step: 20, complete: false },
        { step: 10, complete: true, problems: [] },
      ],
    });
    const before = readdirSync(folder).sort();
    await inspectPath(folder);
    expect(readdirSync(folder).sort()).toEqual(before);
  });

  it('finds a folder that was set aside', async () => {
    await writeFolder(join(folder, 'nan'), { format: 'adjoint-repro', parts: parts() });
    renameSync(join(folder, 'nan'), join(folder, '.nan.previous'));
    expect(await inspectPath(join(folder, 'nan'))).toMatchObject({ kind: 'repro', complete: true });
  });

  it('says that a newer release wrote it', async () => {
    const path = join(folder, 'digits');
    await writeFolder(path, { format: 'adjoint-model', parts: parts() });
    const text = readFileSync(join(path, 'manifest.json'), 'utf8');
    writeFileSync(join(path, 'manifest.json'), text.replace('"version": 1', '"version": 7'));
    const { complete, problems } = await inspectPath(path);
    expect([complete, problems]).toEqual([false, [expect.stringMatching(/version 7[^]*expected version 1/)]]);
  });

  it('reads the model.json of a tf.layers model', async () => {
    layersModel(['group1-shard1of1.bin'], 27);
    expect(await inspectPath(join(folder, 'model.json'))).toMatchObject({
      kind: 'layers-model',
      complete: true,
      writtenBy: 'TensorFlow.js tfjs-layers v4.22.0',
      tensors: [
        { name: 'dense/kernel', dtype: 'float32', bytes: 24 },
        { name: 'dense/bias', dtype: 'uint8', bytes: 3 },
      ],
    });
    expect(await inspectPath(folder)).toMatchObject({ kind: 'layers-model', complete: true });
  });

  it.each<[string, () => void, RegExp]>([
    ['a size that is wrong', () => layersModel(['group1-shard1of1.bin'], 26), /26 bytes; expected 27/],
    ['a file that is missing', () => layersModel(['a.bin'], 27), /a\.bin: not there/],
    ['a path above', () => layersModel(['../a.bin'], 27), /outside of the model/],
    ['an absolute path', () => layersModel(['/etc/passwd'], 27), /outside of the model/],
    ['no weights', () => layersModel([], 27, { weightsManifest: [{ paths: [], weights: [1] }] }), /a weight of/],
  ])('finds in such a model %s', async (_, make, problem) => {
    make();
    const { complete, problems } = await inspectPath(join(folder, 'model.json'));
    expect(complete).toBe(false);
    expect(problems.join('\n')).toMatch(problem);
  });

  it('takes a folder of weights without a manifest for unfinished', async () => {
    await writeFileAtomically(join(folder, 'weights.safetensors'), weights());
    expect(await inspectPath(folder)).toMatchObject({ kind: 'folder', complete: false, tensors: [{}, {}] });
  });

  it('names a link that leads nowhere among them', async () => {
    await writeFileAtomically(join(folder, 'weights.safetensors'), weights());
    symlinkSync(join(folder, 'nowhere'), join(folder, 'link.safetensors'));
    const { complete, problems } = await inspectPath(folder);
    expect([complete, problems]).toEqual([
      false,
      expect.arrayContaining([expect.stringContaining('link.safetensors')]),
    ]);
  });

  it.each<[string, () => void]>([
    ['an empty folder', () => undefined],
    ['a folder of other files', () => mkdirSync(join(folder, 'src'))],
  ])('refuses %s', async (_, make) => {
    make();
    await expect(inspectPath(folder)).rejects.toThrow(/DataError \[unknown-content\]/);
  });

  it('refuses other files', async () => {
    writeFileSync(join(folder, 'a.txt'), 'hello, world');
    await expect(inspectPath(join(folder, 'a.txt'))).rejects.toThrow(/unknown-content/);
    writeFileSync(join(folder, 'a.json'), '{"a": 1}');
    await expect(inspectPath(join(folder, 'a.json'))).rejects.toThrow(/unknown-content/);
    writeFileSync(join(folder, 'a.json'), '{"a": ');
    await expect(inspectPath(join(folder, 'a.json'))).rejects.toThrow(/DataError \[json\]/);
  });
});
