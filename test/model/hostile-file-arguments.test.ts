import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { IsOptional } from 'class-validator';
import { loadModel } from '../../src/compat/load-model.js';
import '../../src/container.js';
import type { AdjointError } from '../../src/core/errors.js';
import type { Tensor } from '../../src/engine/tfjs.js';
import type { CallContext } from '../../src/layers/call-context.js';
import { Child } from '../../src/layers/declarations.js';
import { LayerOptions } from '../../src/layers/layer-options.js';
import { layers } from '../../src/layers/layers.js';
import { BaseModel } from '../../src/model/base-model.js';
import { Model } from '../../src/model/declarations.js';
import { sequential, type Sequential } from '../../src/model/sequential.js';
import { encodeSafetensors } from '../../src/storage/safetensors.js';
import { useTestEngine } from '../helpers/engine.js';
import { rejectionOf, weightsOf } from '../helpers/models.js';
import { useTemporaryFolder } from '../helpers/temporary-folder.js';

useTestEngine();
const folder = useTemporaryFolder();
const failure = async (promise: Promise<unknown>) => (await rejectionOf(promise)) as AdjointError;

class AnyOptions extends LayerOptions {
  @IsOptional()
  value?: unknown;
}

@Model('app/any', AnyOptions)
class AnyModel extends BaseModel<AnyOptions> {
  @Child() head = layers.dense({ units: 1 });
  call(x: Tensor, context: CallContext): Tensor {
    return this.head.call(x, context);
  }
}

function built(name = 'head'): Sequential {
  const model = sequential([layers.dense({ units: 2, name })]);
  model.build([null, 4]);
  return model;
}

describe('paths', () => {
  it('are no addresses: tf.layers writes them so', async () => {
    const model = built();
    const url = `file://${folder.at('model')}`;
    for (const refused of [model.save(url), model.saveWeights(url), model.exportSavedModel(url), loadModel(url)]) {
      const error = await failure(refused);
      expect([error.kind, error.fix]).toEqual(['invalid-option', expect.stringContaining('without file://')]);
    }
    expect(existsSync('file:')).toBe(false);
    model.dispose();
  });

  it('that are links lead to what is written, and devices stay', async () => {
    const model = built();
    await model.saveWeights(folder.at('first'));
    symlinkSync(folder.at('first'), folder.at('link'));
    symlinkSync(folder.at('nowhere'), folder.at('dangling'));
    execFileSync('mkfifo', [folder.at('pipe')]);
    mkdirSync(folder.at('folder'));
    writeFileSync(folder.at('first'), 'old');
    await model.saveWeights(folder.at('link'));
    expect(lstatSync(folder.at('link')).isSymbolicLink()).toBe(true);
    expect(readFileSync(folder.at('first'), 'utf8')).not.toBe('old');
    for (const name of ['dangling', 'pipe', 'folder']) {
      expect((await failure(model.saveWeights(folder.at(name)))).kind).toBe('write-failed');
    }
    expect(lstatSync(folder.at('pipe')).isFIFO()).toBe(true);
    expect(lstatSync(folder.at('dangling')).isSymbolicLink()).toBe(true);
    expect(readdirSync(folder.path).sort()).toEqual(['dangling', 'first', 'folder', 'link', 'pipe']);
    model.dispose();
  });

  it('of the other thing say which one to give', async () => {
    const model = built();
    await model.save(folder.at('model'));
    expect(await failure(model.loadWeights(folder.at('model')))).toMatchObject({
      kind: 'not-a-file',
      fix: expect.stringContaining('weights.safetensors'),
    });
    expect(await failure(loadModel(folder.at('model/model.json')))).toMatchObject({
      kind: 'not-a-folder',
      fix: `give the folder: loadModel(${JSON.stringify(folder.at('model'))})`,
    });
    model.dispose();
  });
});

describe('loadWeights', () => {
  it('shows names of the file short and without control characters', async () => {
    const model = built();
    const tensor = { dtype: 'F32', shape: [0], data: new Uint8Array(0) } as const;
    const names = ['\u001b[31mred', 'two\nlines', '\u202eright', 'x'.repeat(5000)];
    writeFileSync(folder.at('x'), Buffer.concat(encodeSafetensors(new Map(names.map((name) => [name, tensor])))));
    const { kind, message } = await failure(model.loadWeights(folder.at('x')));
    expect(kind).toBe('weights-differ');
    for (const sign of ['\u001b', '\u202e', 'two\n']) expect(message).not.toContain(sign);
    expect(message.length).toBeLessThan(1000);
    model.dispose();
  });

  it('of a model that is disposed meanwhile says so', async () => {
    const model = built();
    await model.saveWeights(folder.at('x'));
    const loading = failure(model.loadWeights(folder.at('x')));
    model.dispose();
    expect((await loading).kind).toBe('disposed');
  });

  it.each([null, 'x', [1, 4], [-2, -2, 1], [0.5, 2, 4], ['2', '2', '1'], [Infinity, 0, 1], {}])(
    'refuses %p as a flattened image',
    async (image) => {
      const model = built();
      const options = { weightLayout: 'torch', flattenedImages: { head: image as never } } as const;
      await model.saveWeights(folder.at('x'));
      const before = weightsOf(model);
      expect((await failure(model.loadWeights(folder.at('x'), options))).kind).toBe('invalid-option');
      expect((await failure(model.saveWeights(folder.at('x'), options))).kind).toBe('invalid-option');
      expect(weightsOf(model)).toEqual(before);
      model.dispose();
    },
  );
});

describe('exportSavedModel', () => {
  it.each([2 ** 27, 1e15, 1e308])('refuses a batch of %p, which would be computed', async (batchSize) => {
    const model = built();
    const error = await failure(model.exportSavedModel(folder.at('x'), { batchSize }));
    expect([error.kind, error.fix]).toEqual(['invalid-option', expect.stringContaining('leave it out')]);
    expect(existsSync(folder.at('x'))).toBe(false);
    model.dispose();
  });

  it('takes null for any size', async () => {
    const model = built();
    await model.exportSavedModel(folder.at('x'), { batchSize: null as never });
    expect(existsSync(folder.at('x/saved_model.pb'))).toBe(true);
    model.dispose();
  });
});

describe('save', () => {
  it.each([
    ['a constructor as a key', { constructor: 1 }, 'json-key'],
    ['a hole', Array.from({ length: 2 }), 'not-serialisable'],
    // eslint-disable-next-line no-sparse-arrays
    ['a hole that map passes over', [, 1], 'not-serialisable'],
  ])('refuses %s in an option', async (_, value, kind) => {
    const model = new AnyModel({ value });
    model.build([null, 2]);
    expect((await failure(model.save(folder.at('x')))).kind).toBe(kind);
    expect(existsSync(folder.at('x'))).toBe(false);
    model.dispose();
  });

  it.each(['n'.repeat(201), '\u001b[31m'])('refuses the name %j, with which nothing could be loaded', async (name) => {
    const model = built(name);
    expect((await failure(model.save(folder.at('x')))).kind).toBe('not-serialisable');
    expect(existsSync(folder.at('x'))).toBe(false);
    model.dispose();
  });

  it('keeps an object without a prototype, and long and foreign names', async () => {
    const value: unknown = Object.assign(Object.create(null) as object, { a: 1 });
    const model = new AnyModel({ value, name: `${'длинное-имя-'.repeat(10)}🏠` });
    model.build([null, 2]);
    await model.save(folder.at('ü 模'));
    const loaded = (await loadModel(folder.at('ü 模'), { classes: [AnyModel] })) as AnyModel;
    expect(loaded.options.value).toEqual({ a: 1 });
    model.dispose();
    loaded.dispose();
  });
});

describe('loadModel', () => {
  it('refuses two classes of one name, and a class that throws, and says which', async () => {
    @Model('app/any', AnyOptions)
    class Other extends AnyModel {
      override call(): Tensor {
        throw new TypeError('out of ideas');
      }
    }
    const model = new AnyModel();
    model.build([null, 2]);
    await model.save(folder.at('x'));
    model.dispose();
    const load = (classes: (typeof AnyModel)[]) => loadModel(folder.at('x'), { classes });
    const twice = await failure(load([AnyModel, Other]));
    expect([twice.kind, twice.received]).toEqual(['same-name', 'two, AnyModel and Other']);
    const thrown = await failure(load([Other]));
    expect([thrown.name, thrown.kind, thrown.cause]).toEqual(['DataError', 'model-config', expect.any(TypeError)]);
    expect(thrown.received).toContain('out of ideas');
    (await load([AnyModel, AnyModel])).dispose();
  });
});
