import { readFileSync, writeFileSync, rmSync, mkdirSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { loadModel } from '../../src/compat/load-model.js';
import '../../src/container.js';
import { AdjointError } from '../../src/core/errors.js';
import { currentServices } from '../../src/core/services.js';
import { tf } from '../../src/engine/tfjs.js';
import { layers } from '../../src/layers/layers.js';
import { ClassLookup } from '../../src/model/class-lookup.js';
import { makeModel } from '../../src/model/load-model.js';
import { sequential } from '../../src/model/sequential.js';
import { Adam } from '../../src/optimizers/adam.js';
import { PolynomialDecay } from '../../src/optimizers/schedules/polynomial-decay.js';
import { decodeSafetensors } from '../../src/storage/safetensors.js';
import type { JsonValue } from '../../src/storage/checked-json.js';
import { writeFolder } from '../../src/storage/write-folder.js';
import { useTestEngine } from '../helpers/engine.js';
import { rejectionOf } from '../helpers/models.js';
import { useTemporaryFolder } from '../helpers/temporary-folder.js';

useTestEngine();
const folder = useTemporaryFolder();
const failure = async (promise: Promise<unknown>) => (await rejectionOf(promise)) as AdjointError;

/** A saved model of several layers and settings, as text and bytes. */
async function saved(): Promise<{ text: string; weights: Buffer }> {
  const block = layers.residual({ body: [layers.dense({ units: 4, kernelRegularizer: 'l2' })] });
  const model = sequential([layers.dense({ units: 3, name: 'body' }), block, layers.batchNormalization()]);
  const optimizer = new Adam({ learningRate: new PolynomialDecay({ initialLearningRate: 0.1, decaySteps: 9 }) });
  model.compile({ optimizer, loss: 'meanSquaredError', metrics: ['mean'], clip: { norm: 1, only: /kernel$/ } });
  model.build([null, 2]);
  await model.save(folder.at('model'));
  model.dispose();
  return {
    text: readFileSync(folder.at('model/model.json'), 'utf8'),
    weights: readFileSync(folder.at('model/weights.safetensors')),
  };
}

/** The same folder with another description, and a manifest that vouches for it. */
async function withText(change: (text: string) => string): Promise<string> {
  const { text, weights } = await saved();
  const changed = change(text);
  expect(changed).not.toBe(text);
  const parts = [
    { name: 'model.json', pieces: [Buffer.from(changed)] },
    { name: 'weights.safetensors', pieces: [weights] },
  ];
  await writeFolder(folder.at('changed'), { format: 'adjoint-model', parts });
  return folder.at('changed');
}

describe('a folder of a model', () => {
  it.each<[string, (text: string) => string, string, string]>([
    [
      'a key that names a prototype',
      (text) => text.replace('"id": 0', '"__proto__": {"polluted": 1}, "id": 0'),
      'DataError',
      'json-key',
    ],
    ['a constructor as a key', (text) => text.replace('"id": 0', '"constructor": 1, "id": 0'), 'DataError', 'json-key'],
    [
      'deep nesting',
      (text) => text.replace('"id": 0', `"x": ${'['.repeat(5000)}${']'.repeat(5000)}, "id": 0`),
      'DataError',
      'json-limit',
    ],
    ['text that is no JSON', () => 'model', 'DataError', 'json'],
    ['nothing', () => '', 'DataError', 'json'],
    ['another format', (text) => text.replace('"adjoint-model"', '"keras"'), 'DataError', 'model-config'],
    ['a newer version', (text) => text.replace('"version": 1', '"version": 2'), 'DataError', 'newer-version'],
    ['a version that is none', (text) => text.replace('"version": 1', '"version": -1'), 'DataError', 'model-config'],
    ['a huge layer', (text) => text.replace('"units": 3', '"units": 1000000000000000'), 'DataError', 'model-config'],
    ['a large layer', (text) => text.replace('"units": 3', '"units": 4000000000'), 'DataError', 'model-config'],
    ['a negative layer', (text) => text.replace('"units": 3', '"units": -3'), 'OptionsError', 'invalid-option'],
    [
      'an unknown option',
      (text) => text.replace('"units": 3', '"units": 3, "code": "process.exit()"'),
      'OptionsError',
      'unknown-option',
    ],
    [
      'an unknown activation',
      (text) => text.replace('"activation": "linear"', '"activation": "eval"'),
      'OptionsError',
      'invalid-option',
    ],
    [
      'an unknown regularizer',
      (text) => text.replace('"kernelRegularizer": "l2"', '"kernelRegularizer": {"name": "toString"}'),
      'OptionsError',
      'invalid-option',
    ],
    ['an unknown class', (text) => text.replace('adjoint/residual', 'adjoint/residul'), 'LookupError', 'unknown-class'],
    [
      'a class of another kind',
      (text) => text.replace('"kind": "layer"', '"kind": "callback"'),
      'DataError',
      'model-config',
    ],
    [
      'a model that is a layer',
      (text) =>
        text.replace(
          /"model": \{[^{]*"kind": "model",\s+"class": "adjoint\/sequential"/,
          '"model": {"id": 0, "kind": "layer", "class": "adjoint/flatten"',
        ),
      'DataError',
      'model-config',
    ],
    ['a cycle', (text) => text.replace('"layers": [', '"layers": [{ "shared": 0 },'), 'DataError', 'model-config'],
    [
      'a reference to nothing',
      (text) => text.replace('"layers": [', '"layers": [{ "shared": 77 },'),
      'DataError',
      'model-config',
    ],
    ['one identity twice', (text) => text.replace('"id": 1', '"id": 2'), 'DataError', 'model-config'],
    [
      'a tag that there is none of',
      (text) => text.replace('"$expression"', '"$function"'),
      'DataError',
      'model-config',
    ],
    ['an expression that takes years', (text) => text.replace('kernel$', '(a+)+$'), 'DataError', 'model-config'],
    ['an expression that is none', (text) => text.replace('kernel$', '(kernel'), 'DataError', 'model-config'],
    [
      'a huge input',
      (text) => text.replace(/"inputShape": \[\s+2\s+\]/, '"inputShape": [99999999999]'),
      'DataError',
      'model-config',
    ],
    [
      'an input that is none',
      (text) => text.replace(/"inputShape": \[\s+2\s+\]/, '"inputShape": [-2]'),
      'DataError',
      'model-config',
    ],
    [
      'an input of another rank',
      (text) => text.replace(/"inputShape": \[\s+2\s+\]/, '"inputShape": []'),
      'ShapeError',
      'input-rank',
    ],
    [
      'other layers',
      (text) => text.replace('"path": "residual/projection"', '"path": "residual/other"'),
      'DataError',
      'other-layers',
    ],
    [
      'a flag of no layer',
      (text) => text.replace('"trainable": {}', '"trainable": {"x": false}'),
      'DataError',
      'model-config',
    ],
    [
      'an unknown loss',
      (text) => text.replace('adjoint/mean-squared-error', 'app/loss'),
      'LookupError',
      'unknown-class',
    ],
    [
      'an optimizer out of range',
      (text) => text.replace('"beta1": 0.9', '"beta1": 9'),
      'OptionsError',
      'invalid-option',
    ],
    [
      'a setting that there is none of',
      (text) => text.replace('"seed": 0', '"sed": 0'),
      'OptionsError',
      'unknown-option',
    ],
  ])('is refused for %s', async (_, change, name, kind) => {
    const error = await failure(loadModel(await withText(change)));
    expect(error).toBeInstanceOf(AdjointError);
    expect([error.name, error.kind]).toEqual([name, kind]);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  it('is refused for options that the engine does not take, and for outputs that no memory holds', async () => {
    const model = sequential([layers.conv2d({ filters: 1, kernelSize: 1, padding: 'same' })]);
    model.compile({ loss: 'meanSquaredError' });
    model.build([null, 6, 6, 1]);
    await model.save(folder.at('conv'));
    model.dispose();
    const text = readFileSync(folder.at('conv/model.json'), 'utf8');
    const { tensors } = decodeSafetensors(readFileSync(folder.at('conv/weights.safetensors')), 'weights');
    const classes = new ClassLookup([], currentServices().registries);
    const make = (changed: string) => {
      expect(changed).not.toBe(text);
      return makeModel({ json: JSON.parse(changed) as JsonValue, tensors, classes, file: 'the file', compile: true });
    };
    const wrong: unknown = expect.objectContaining({
      name: 'DataError',
      kind: 'model-config',
      where: expect.stringMatching('the file'),
    });
    for (const size of ['1e15', '1e308', '9007199254740993', '[1e308, 1e308]']) {
      expect(() => make(text.replace('"strides": 1', `"strides": ${size}`))).toThrow(wrong as Error);
      expect(() => make(text.replace('"dilationRate": 1', `"dilationRate": ${size}`))).toThrow(wrong as Error);
    }
    const large = text.replaceAll(/\b6\b/g, '8192');
    expect(() => make(large.replace('"filters": 1', '"filters": 1000000'))).toThrow(wrong as Error);
    // What the first layer says of its input does not count: the file says what the model was built for.
    make(text.replace('"filters": 1', '"filters": 1, "inputShape": [9007199254740991, 6, 1]')).dispose();
  });

  it('is refused where a part is changed, cut, missing or replaced by a link', async () => {
    const { text, weights } = await saved();
    const path = folder.at('model');
    const kind = async () => (await failure(loadModel(path))).kind;
    writeFileSync(`${path}/model.json`, text.replace('"units": 3', '"units": 4'));
    expect(await kind()).toBe('part-hash');
    writeFileSync(`${path}/model.json`, text.slice(0, 100));
    expect(await kind()).toBe('part-size');
    writeFileSync(`${path}/model.json`, text);
    const flipped = Buffer.from(weights);
    flipped[weights.length - 3]! ^= 4;
    writeFileSync(`${path}/weights.safetensors`, flipped);
    expect(await kind()).toBe('part-hash');
    rmSync(`${path}/weights.safetensors`);
    expect(await kind()).toBe('no-such-file');
    rmSync(`${path}/manifest.json`);
    expect(await kind()).toBe('other-format');
  });

  it('is refused where it is a file, or nothing, and where it would be written over other files', async () => {
    writeFileSync(folder.at('file'), '{}');
    mkdirSync(folder.at('full'));
    writeFileSync(folder.at('full/mine.txt'), 'mine');
    expect((await failure(loadModel(folder.at('file')))).kind).toBe('not-a-folder');
    expect((await failure(loadModel(folder.at('absent')))).kind).toBe('not-a-folder');
    expect((await failure(loadModel(folder.at('full')))).kind).toBe('no-such-file');
    expect((await failure(loadModel('')))?.kind).toBe('invalid-option');
    expect((await failure(loadModel(folder.path, { classes: [class Plain {}] }))).kind).toBe('not-declared');
    const model = sequential([layers.dense({ units: 1 })]);
    model.build([null, 2]);
    expect((await failure(model.save(folder.at('full')))).kind).toBe('not-ours');
    expect((await failure(model.save(folder.at('file')))).kind).toBe('not-ours');
    expect((await failure(model.save('a\0b'))).kind).toBe('invalid-option');
    expect(readFileSync(folder.at('full/mine.txt'), 'utf8')).toBe('mine');
    model.dispose();
  });

  it('with any change gives a model or an error of ours, and leaves nothing behind', async () => {
    const { text, weights } = await saved();
    const original = JSON.parse(text) as JsonValue;
    const { tensors } = decodeSafetensors(weights, 'weights');
    const classes = new ClassLookup([], currentServices().registries);
    const places = placesOf(original);
    const values = fc.oneof(
      fc.constantFrom<JsonValue>(
        null,
        true,
        -1,
        0.5,
        1e15,
        '',
        'adjoint/dense',
        [],
        {},
        { shared: 0 },
        { shared: 1, path: 'x' },
      ),
      fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<JsonValue>,
    );
    const changes = fc.array(fc.tuple(fc.nat(places.length - 1), values), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(changes, (list) => {
        const json = list.reduce((changed, [place, value]) => replaced(changed, places[place]!, value), original);
        const before = tf.memory().numTensors;
        try {
          makeModel({ json, tensors, classes, file: 'file "model.json"', compile: true }).dispose();
        } catch (error) {
          if (!(error instanceof AdjointError)) throw error;
        }
        expect(tf.memory().numTensors).toBe(before);
      }),
      { numRuns: 400, seed: 20_240_801 },
    );
  });
});

type Step = string | number;

/** Every place in a JSON value, its own left out. */
function placesOf(value: JsonValue, at: readonly Step[] = []): Step[][] {
  if (typeof value !== 'object' || value === null) return [];
  const entries = Array.isArray(value) ? [...(value as JsonValue[]).entries()] : Object.entries(value);
  return entries.flatMap(([step, inner]) => [[...at, step], ...placesOf(inner as JsonValue, [...at, step])]);
}

/** A copy with another value at a place, where the place is still there. */
function replaced(value: JsonValue, [step, ...rest]: readonly Step[], by: JsonValue): JsonValue {
  if (step === undefined) return by;
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return value;
  const copy = (Array.isArray(value) ? [...(value as JsonValue[])] : { ...value }) as Record<Step, JsonValue>;
  copy[step] = replaced(copy[step]!, rest, by);
  return copy as JsonValue;
}
