import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { installAutodiff } from '../../src/autodiff/install-autodiff.js';
import { onEngineStart, startEngine } from '../../src/engine/start-engine.js';
import { tf } from '../../src/engine/tfjs.js';
import { allCases } from '../gradients/all-cases.js';
import { EXCLUDED_KERNELS } from '../gradients/cases/excluded-kernels.js';
import { layersWithoutCase } from '../gradients/cases/layers.js';
import { lossesWithoutCase } from '../gradients/cases/losses.js';
import { OWN_OPS } from '../gradients/cases/ops.js';
import { ownKernelsWithoutCase } from '../gradients/cases/own-kernels.js';
import { caseId, type GradientCase } from '../gradients/gradient-case.js';

const OPS = new URL('../../src/autodiff/ops/', import.meta.url);
const PAGE = new URL('../../docs/gradient-coverage.md', import.meta.url);

let cases: GradientCase[];
let kernels: string[];

beforeAll(() => {
  onEngineStart(installAutodiff);
  startEngine();
  cases = allCases();
  kernels = tf.getKernelsForBackend('tensorflow').map(({ kernelName }) => kernelName);
});

const named = (kinds: readonly GradientCase['kind'][]): Set<string> =>
  new Set(cases.filter(({ kind }) => kinds.includes(kind)).map(({ name }) => name));

describe('the gradient table has', () => {
  it('a row for every kernel that has a derivative, and a reason for every other', () => {
    const rows = named(['kernel', 'own kernel']);
    expect(kernels.filter((name) => !rows.has(name) && !(name in EXCLUDED_KERNELS))).toEqual([]);
    expect(ownKernelsWithoutCase()).toEqual([]);
    for (const [name, reason] of Object.entries(EXCLUDED_KERNELS)) {
      expect(kernels).toContain(name);
      expect(rows.has(name)).toBe(false);
      expect(reason).not.toBe('');
    }
  });

  it('a row for every function of src/autodiff/ops', () => {
    const functions = readdirSync(OPS).flatMap((file) =>
      [...readFileSync(new URL(file, OPS), 'utf8').matchAll(/^export (?:function|const) (\w+)/gm)].map(
        ([, name]) => name!,
      ),
    );
    expect(functions.length).toBeGreaterThan(Object.keys(OWN_OPS).length);
    const taken = functions.filter((name) => !/^(install|composed?)[A-Z]/.test(name));
    expect(taken.filter((name) => !(name in OWN_OPS))).toEqual([]);
  });

  it('a row for every layer and loss', () => {
    expect(layersWithoutCase()).toEqual([]);
    expect(lossesWithoutCase()).toEqual([]);
  });

  it('no two rows of one name, and floats to differentiate by in each', () => {
    const ids = cases.map(caseId);
    expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([]);
    for (const gradientCase of cases) {
      const dtypes = tf.tidy(() => gradientCase.inputs().map(({ dtype }) => dtype) as unknown as tf.TensorContainer);
      expect([caseId(gradientCase), dtypes]).toEqual([caseId(gradientCase), expect.arrayContaining(['float32'])]);
    }
  });
});

describe('docs/gradient-coverage.md', () => {
  it('says that every row is right in both orders', () => {
    const [, rows, first, second] = /Of (\d+) rows (\d+) are right in first order and (\d+) in second/.exec(
      readFileSync(PAGE, 'utf8'),
    )!;
    expect([first, second]).toEqual([rows, rows]);
    expect(Number(rows)).toBeGreaterThan(0);
  });

  it('was written from these rows: else run npm run gradients', () => {
    expect(existsSync(PAGE)).toBe(true);
    const lines = readFileSync(PAGE, 'utf8').split('\n');
    const written = lines.flatMap((line) => {
      const [, name, point] = line.split('|').map((cell) => cell.trim());
      return point !== undefined && ['away', 'near a kink', 'at a zero'].includes(point) ? [`${name} ${point}`] : [];
    });
    expect(written.sort()).toEqual(cases.map(({ name, point }) => `${name} ${point}`).sort());
  });
});
