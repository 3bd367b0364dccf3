import { describe, expect, it } from '@jest/globals';
import { OptionsError, SetupError, StateError } from '../../src/core/errors.js';
import type { EngineOptions } from '../../src/engine/engine-options.js';
import { toConfigProto } from '../../src/engine/engine-options.js';
import { refuseSecondTfjs } from '../../src/engine/second-tfjs.js';
import { engine, onEngineStart, startEngine, useEngine } from '../../src/engine/start-engine.js';
import { tf } from '../../src/engine/tfjs.js';

describe('startEngine', () => {
  it('is started by the first operation and tells its listeners once', () => {
    const heard: string[] = [];
    onEngineStart(({ version }) => heard.push(version));
    expect(heard).toEqual([]);
    expect(tf.add(1, 2).dataSync()[0]).toBe(3);
    expect(tf.getBackend()).toBe('tensorflow');
    expect(heard).toEqual([startEngine().version]);
    onEngineStart(({ version }) => heard.push(version));
    expect(heard).toHaveLength(2);
  });

  it('gives the same engine again, with its version, library and devices', () => {
    const first = startEngine();
    expect(startEngine()).toBe(first);
    expect(engine()).toBe(first);
    expect(first.name).toBe('tensorflow');
    expect(first.version).toMatch(/^2\.\d+\.\d+/);
    expect(first.libraryPath).toContain('tensorflow');
    expect(first.device).toMatch(/^(CPU|GPU):0$/);
    const cpu = first.devices().find((device) => device.type === 'CPU');
    expect(cpu?.name).toContain('CPU:0');
    expect(cpu?.memoryBytes).toBeGreaterThan(0);
  });

  it('is put back in charge after another backend was chosen', async () => {
    await tf.setBackend('cpu');
    startEngine();
    expect(tf.getBackend()).toBe('tensorflow');
  });

  it('counts tensors, handles and ops exactly', () => {
    const { counters } = startEngine();
    const before = counters();
    const a = tf.tensor1d([1, 2]);
    const b = a.square();
    expect(counters()).toEqual({
      tensors: before.tensors + 2,
      handles: before.handles + 2,
      variables: before.variables,
      executedOps: before.executedOps + 1,
      functionCalls: before.functionCalls,
    });
    tf.dispose([a, b]);
    expect(counters()).toEqual({ ...before, executedOps: before.executedOps + 1 });
  });

  it('leaves the handles flat over many steps, failing ones too', () => {
    const { counters } = startEngine();
    const weights = tf.ones([4, 4]);
    const step = (): void => {
      tf.tidy(() => {
        tf.grad((w) => tf.relu(tf.matMul(w.reshape([2, 8]).reshape([4, 4]), w)).sum())(weights);
      });
      expect(() => tf.tidy(() => tf.add(weights, tf.ones([3])))).toThrow('op-failed');
    };
    step();
    const before = counters();
    for (let i = 0; i < 100; i++) step();
    const after = counters();
    expect([after.tensors, after.handles]).toEqual([before.tensors, before.handles]);
    weights.dispose();
  });
});

describe('useEngine', () => {
  const failure = (options: unknown): Error => {
    try {
      useEngine(options as EngineOptions);
    } catch (error) {
      return error as Error;
    }
    throw new Error('nothing was thrown');
  };

  it('refuses an unknown option and names the nearest one', () => {
    expect(failure({ intraOpThread: 2 })).toBeInstanceOf(OptionsError);
    expect(failure({ intraOpThread: 2 }).message).toContain('did you mean "intraOpThreads"');
  });

  it.each([
    { intraOpThreads: 0 },
    { intraOpThreads: 1.5 },
    { interOpThreads: '2' },
    { gpuMemoryGrowth: 1 },
    { gpuMemoryLimitMb: -1 },
    { deterministic: 'yes' },
    { verbose: null },
    { library: '' },
  ])('refuses %j', (options) => {
    const error = failure(options);
    expect(error).toBeInstanceOf(OptionsError);
    expect(error.message).toContain(`option "${Object.keys(options)[0]}" of useEngine`);
  });

  it('refuses a second thought once the engine runs', () => {
    startEngine();
    expect(failure({ intraOpThreads: 2 })).toBeInstanceOf(StateError);
  });

  it('writes the ConfigProto that TensorFlow reads', () => {
    expect([...toConfigProto({})]).toEqual([]);
    expect([...toConfigProto({ intraOpThreads: 3, interOpThreads: 4, gpuMemoryGrowth: true })]).toEqual([
      ...[2 << 3, 3],
      ...[5 << 3, 4],
      ...[(6 << 3) | 2, 2, 4 << 3, 1],
    ]);
    const limit = [...new Uint8Array(Float32Array.of(512).buffer)];
    expect([...toConfigProto({ gpuMemoryLimitMb: 512 })]).toEqual([
      ...[(6 << 3) | 2, 10, (9 << 3) | 2, 8, (1 << 3) | 2, 6, (1 << 3) | 2, 4],
      ...limit,
    ]);
  });
});

describe('a second tfjs-core', () => {
  const copy = (folder: string): string => `${folder}/node_modules/@tensorflow/tfjs-core/dist/tf-core.node.js`;

  it('is named with both folders', () => {
    const check = (): void => refuseSecondTfjs([copy('/app'), copy('/app'), '/app/main.js', copy('/app/lib')]);
    expect(check).toThrow(SetupError);
    expect(check).toThrow('/app/lib/node_modules/@tensorflow/tfjs-core');
  });

  it('is not seen where there is one', () => {
    expect(() => refuseSecondTfjs([copy('/app'), '/app/main.js'])).not.toThrow();
  });
});
