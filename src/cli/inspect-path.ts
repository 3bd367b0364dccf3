import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { AdjointError, DataError } from '../core/errors.js';
import { isJsonObject, parseJson } from '../storage/checked-json.js';
import { CheckpointStore } from '../storage/checkpoint-store.js';
import { MANIFEST_NAME } from '../storage/manifest.js';
import type { FolderFormat } from '../storage/manifest.js';
import { readBytes, readWholeFile, withFile } from '../storage/read-file.js';
import { codeOf } from '../storage/write-file.js';
import { checkFolder, previousPath, summaryOf } from '../storage/read-folder.js';
import type { FolderCheck } from '../storage/read-folder.js';
import { readSafetensorsHeader } from '../storage/safetensors-file.js';
import { inspectLayersModel } from './inspect-layers-model.js';
import type { CheckpointRow, Inspection, TensorRow } from './inspection.js';

const KINDS: Readonly<Record<FolderFormat, Inspection['kind']>> = {
  'adjoint-model': 'model',
  'adjoint-checkpoint': 'checkpoint',
  'adjoint-repro': 'repro',
};
const LARGEST_MODEL_JSON = 100e6;

/**
 * Looks at a file or folder without loading a model of it.
 *
 * @throws DataError [no-such-path | unknown-content | json | ...] there is nothing to report on
 */
export async function inspectPath(path: string): Promise<Inspection> {
  const where = `path ${JSON.stringify(path)}`;
  const target = resolve(path);
  const found =
    path === '' ? undefined : await stat(target).catch(() => stat(previousPath(target)).catch(() => undefined));
  if (found === undefined) {
    throw new DataError('no-such-path', {
      where,
      expected: 'a file or a folder',
      received: 'a path where there is nothing',
    });
  }
  try {
    return await (found.isDirectory() ? inspectFolder(path, where) : inspectFile(path, where));
  } catch (error) {
    if (error instanceof AdjointError || codeOf(error) === undefined) throw error;
    const received = (error as Error).message;
    throw new DataError('read-failed', {
      where,
      expected: 'a file or folder that can be read',
      received,
      cause: error,
    });
  }
}

async function inspectFile(path: string, where: string): Promise<Inspection> {
  if (basename(path) === MANIFEST_NAME) return inspectFolder(dirname(path), where);
  if (extname(path) === '.json') {
    const json = parseJson(await readWholeFile(path, LARGEST_MODEL_JSON, where), where);
    if (isJsonObject(json) && 'modelTopology' in json) return inspectLayersModel(path, json);
    // A part of one of our folders: the manifest says more than the file.
    if (await hasEntry(dirname(path), MANIFEST_NAME)) return inspectFolder(dirname(path), where);
    throw unknownContent(where, 'JSON that is no model');
  }
  // After the length of its header, such a file begins with a brace.
  const start = await withFile(path, where, (file, bytes) => readBytes(file, 0, Math.min(9, bytes), where));
  if (extname(path) !== '.safetensors' && start[8] !== 0x7b) throw unknownContent(where, 'another kind of file');
  const { size: bytes } = await stat(path);
  const report = { path, kind: 'safetensors' as const, bytes };
  const problems: string[] = [];
  const table = await tensorsOf(path, basename(path), problems);
  const meta = table && Object.fromEntries(table.metadata);
  return { ...report, complete: problems.length === 0, problems, meta, tensors: table?.tensors };
}

async function inspectFolder(path: string, where: string): Promise<Inspection> {
  const found = (await hasEntry(path, '')) ? path : previousPath(resolve(path));
  const names = await readdir(found);
  if (names.includes(MANIFEST_NAME)) return inspectOwn(path);
  if (names.some((name) => /^\.?step-\d{9,15}(\.previous)?$/.test(name))) return inspectStore(path);
  if (names.includes('model.json')) {
    const file = join(found, 'model.json');
    const json = parseJson(await readWholeFile(file, LARGEST_MODEL_JSON, where), where);
    if (isJsonObject(json) && 'modelTopology' in json) return inspectLayersModel(file, json);
  }
  if (names.some((name) => /\.safetensors$/.test(name))) {
    const problems = [`no ${MANIFEST_NAME}: an unfinished or damaged folder, or files of another program`];
    return { path, kind: 'folder', complete: false, problems, ...(await filesOf(found, names, problems)) };
  }
  throw unknownContent(where, `a folder with ${names.length} entries, none of them ${MANIFEST_NAME} or a checkpoint`);
}

async function inspectOwn(path: string): Promise<Inspection> {
  const check = await checkFolder(path);
  const { manifest } = check;
  const problems = check.problems.map(summaryOf);
  if (manifest === undefined) return { path, kind: 'folder', complete: false, problems, bytes: 0 };
  const tensors: TensorRow[] = [];
  for (const { name } of manifest.parts.filter((part) => part.name.endsWith('.safetensors'))) {
    // What is wrong with its bytes was said; its header may be readable nevertheless.
    const known = check.problems.some(({ where }) => where.startsWith(`part "${name}" `));
    const table = await tensorsOf(join(check.path, name), name, known ? [] : problems);
    tensors.push(...(table?.tensors ?? []));
  }
  return {
    path,
    kind: KINDS[manifest.format],
    complete: problems.length === 0,
    problems,
    bytes: sizeOf(check),
    version: manifest.version,
    writtenBy: `Adjoint ${manifest.adjoint}`,
    created: manifest.created,
    meta: manifest.meta,
    files: manifest.parts,
    tensors,
  };
}

async function inspectStore(path: string): Promise<Inspection> {
  const checkpoints = (await new CheckpointStore(path).list({ hash: true })).map((check): CheckpointRow => {
    const { name, step, complete, manifest } = check;
    const problems = check.problems.map(summaryOf);
    return { name, step, complete, bytes: sizeOf(check), created: manifest?.created ?? null, problems };
  });
  const problems = checkpoints.flatMap((checkpoint) => checkpoint.problems);
  const bytes = checkpoints.reduce((sum, checkpoint) => sum + checkpoint.bytes, 0);
  return { path, kind: 'checkpoints', complete: problems.length === 0, problems, bytes, checkpoints };
}

function sizeOf({ manifest }: FolderCheck): number {
  return manifest?.parts.reduce((sum, { bytes }) => sum + bytes, 0) ?? 0;
}

async function filesOf(folder: string, names: readonly string[], problems: string[]) {
  const files: { name: string; bytes: number }[] = [];
  const tensors: TensorRow[] = [];
  for (const name of [...names].sort()) {
    const found = await stat(join(folder, name)).catch(() => undefined);
    files.push({ name, bytes: found?.size ?? 0 });
    if (!name.endsWith('.safetensors')) continue;
    tensors.push(...((await tensorsOf(join(folder, name), name, problems))?.tensors ?? []));
  }
  return { bytes: files.reduce((sum, { bytes }) => sum + bytes, 0), files, tensors };
}

async function tensorsOf(path: string, file: string, problems: string[]) {
  try {
    const { places, metadata } = await readSafetensorsHeader(path, `file "${file}"`);
    const tensors = places.map(({ name, dtype, shape, begin, end }): TensorRow => ({
      file,
      name,
      dtype,
      shape,
      bytes: end - begin,
    }));
    return { tensors, metadata };
  } catch (error) {
    if (!(error instanceof AdjointError)) throw error;
    problems.push(summaryOf(error));
    return undefined;
  }
}

async function hasEntry(folder: string, name: string): Promise<boolean> {
  return (await stat(join(folder, name)).catch(() => undefined)) !== undefined;
}

function unknownContent(where: string, received: string): DataError {
  return new DataError('unknown-content', {
    where,
    expected:
      'a .safetensors file, a model, a checkpoint or a folder of them, a repro, or the model.json of a tf.layers model',
    received,
  });
}
