import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EngineError } from '../../../src/core/errors.js';
import { attribute, executeOp } from '../../../src/engine/execute-op.js';
import type { NativeFunction, RunSettings } from '../../../src/engine/ffi/native-function.js';
import { defineFunction } from '../../../src/engine/record/define-function.js';
import { Recorder } from '../../../src/engine/record/recorder.js';
import { engine } from '../../../src/engine/start-engine.js';
import { tf, type Tensor } from '../../../src/engine/tfjs.js';
import { Variable } from '../../../src/engine/variable.js';
import { useTestEngine } from '../../helpers/engine.js';
import { alive } from '../../helpers/recording.js';

useTestEngine();

const SETTINGS: readonly RunSettings[] = (['default', 'SINGLE_THREADED_EXECUTOR'] as const).flatMap((executor) =>
  [true, false].map((synchronous) => ({ executor, synchronous })),
);

const functions: NativeFunction[] = [];
afterAll(() => functions.forEach((native) => native.delete()));

function define(inputs: readonly Tensor[], fn: () => Tensor[]): NativeFunction {
  const native = defineFunction(
    'native',
    new Recorder(inputs).record(() => tf.tidy(fn)),
  );
  functions.push(native);
  return native;
}

async function call(native: NativeFunction, inputs: readonly Tensor[], settings?: RunSettings): Promise<number[][]> {
  const { backend } = engine();
  const made = await native.call(
    inputs.map((input) => backend.nativeId(input)),
    settings,
  );
  const outputs = made.map((metadata) => backend.createOutputTensor(metadata));
  const values = outputs.map((output) => Array.from(output.dataSync()));
  tf.dispose(outputs);
  return values;
}

describe.each(SETTINGS)('run by $executor, synchronous: $synchronous', (settings) => {
  it('computes, writes state though no result needs it, and frees every handle once', async () => {
    const x = tf.tensor1d([1, 2]);
    const variable = Variable.create('native', x);
    const native = define([x], () => {
      variable.assignAdd(x);
      return [tf.mul(x, 2), tf.neg(x)];
    });
    const before = alive();
    const { created } = engine().backend.binding.handles;
    for (let i = 0; i < 5; i++)
      expect(await call(native, [x], settings)).toEqual([
        [2, 4],
        [-1, -2],
      ]);
    expect(alive()).toEqual(before);
    expect(engine().backend.binding.handles.created - created).toBe(10);
    const value = variable.read();
    expect(Array.from(value.dataSync())).toEqual([6, 12]);
    tf.dispose([x, value]);
    variable.dispose();
  });

  it("fails with TensorFlow's message, leaves nothing behind and can be called again", async () => {
    const [x, indices] = [tf.tensor1d([1, 2, 3]), tf.tensor1d([1], 'int32')];
    const native = define([x, indices], () => {
      const types = [attribute.type('Tparams', 'float32'), attribute.type('Tindices', 'int32')];
      return executeOp('GatherNd', types, [x, indices]);
    });
    const outOfRange = tf.tensor1d([7], 'int32');
    const before = alive();
    const failed = await call(native, [x, outOfRange], settings).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(EngineError);
    expect((failed as EngineError).message).toMatch(/op-failed[^]*native[^]*indices/);
    // The failing argument was uploaded on the way.
    expect(alive()).toEqual({ ...before, handles: before.handles + 1 });
    expect(await call(native, [x, indices], settings)).toEqual([[2]]);
    tf.dispose([x, indices, outOfRange]);
  });

  it('takes inputs of its own shapes and types only', async () => {
    const x = tf.tensor1d([1, 2]);
    const native = define([x], () => [tf.neg(x)]);
    const whole = tf.tensor1d([1, 2], 'int32');
    await expect(call(native, [whole], settings)).rejects.toThrow(/EngineError/);
    await expect(call(native, [], settings)).rejects.toThrow(/EngineError/);
    tf.dispose([x, whole]);
  });
});

describe('off the event loop', () => {
  let size = 512;
  beforeAll(() => {
    size = 512;
  });

  it('timers fire while the function runs', async () => {
    const x = tf.tidy(() => tf.fill([size, size], 1 / size));
    const native = define([x], () => {
      let y: Tensor = x;
      for (let i = 0; i < 60; i++) y = tf.matMul(y, x);
      return [tf.sum(y)];
    });
    await call(native, [x]);
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    const [[sum]] = (await call(native, [x])) as [[number]];
    clearInterval(timer);
    expect(sum).toBeGreaterThan(0);
    expect(ticks).toBeGreaterThan(3);
    x.dispose();
  });

  it('inputs may be disposed at once, and eager ops may run meanwhile', async () => {
    const x = tf.tidy(() => tf.fill([size, size], 1 / size));
    const native = define([x], () => [tf.sum(tf.matMul(tf.matMul(x, x), x))]);
    const pending = native.call([engine().backend.nativeId(x)]);
    x.dispose();
    for (let i = 0; i < 100; i++) expect(tf.tidy(() => tf.add(i, 1).dataSync()[0])).toBe(i + 1);
    const [made] = await pending;
    const result = engine().backend.createOutputTensor(made!);
    expect(result.dataSync()[0]).toBeCloseTo(size, 0);
    result.dispose();
  });

  it('several functions run at once', async () => {
    const x = tf.tensor1d([1, 2]);
    const natives = [1, 2, 3, 4].map((factor) => define([x], () => [tf.mul(x, factor)]));
    const values = await Promise.all(natives.map((native) => call(native, [x])));
    expect(values).toEqual([[[1, 2]], [[2, 4]], [[3, 6]], [[4, 8]]]);
    x.dispose();
  });
});

describe('delete', () => {
  it('takes the function away, once', async () => {
    const x = tf.tensor1d([1]);
    const native = define([x], () => [tf.neg(x)]);
    native.delete();
    native.delete();
    await expect(call(native, [x])).rejects.toThrow(new RegExp(native.name));
    x.dispose();
  });
});
