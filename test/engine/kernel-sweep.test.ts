import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EngineError } from '../../src/core/errors.js';
import { DATA_TYPES, isComplex, isFloat } from '../../src/engine/ffi/data-types.js';
import { inFloat64, readFloat64 } from '../../src/engine/float64.js';
import { engine, startEngine } from '../../src/engine/start-engine.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import type { KernelCase } from '../helpers/kernel-case.js';
import { KERNEL_CASES } from '../helpers/kernel-cases.js';

/** Float32 sums of up to a hundred terms, taken in another order. */
const TOLERANCE = 1e-5;
/** Kernels that give float32 in the float64 scope on purpose: boxes are chosen, not differentiated. */
const FLOAT32_RESULTS = ['NonMaxSuppressionV5'];

interface Output {
  readonly dtype: string;
  readonly shape: number[];
  readonly values: (number | string)[];
}

const names = Object.keys(KERNEL_CASES);
const summary = { compared: 0, checkedByProperty: 0, inFloat64: 0, withoutDouble: [] as string[] };

function call(name: string, { inputs, attributes }: KernelCase): Tensor[] {
  const result = tf.engine().runKernel(name, (inputs?.() ?? {}) as tf.NamedTensorMap, { ...attributes });
  return ([] as Tensor[]).concat(result as Tensor | Tensor[]);
}

function read(output: Tensor): Output {
  const values = Array.from(output.dataSync() as unknown as ArrayLike<number | string>);
  return { dtype: output.dtype, shape: output.shape, values };
}

function expectEqual(actual: Output[], wanted: Output[]): void {
  expect(actual.map(({ dtype, shape }) => ({ dtype, shape }))).toEqual(
    wanted.map(({ dtype, shape }) => ({ dtype, shape })),
  );
  wanted.forEach(({ values }, k) =>
    values.forEach((value, i) => {
      const got = actual[k]!.values[i]!;
      if (typeof value === 'string' || !Number.isFinite(value)) expect(got).toEqual(value);
      else expect(Math.abs((got as number) - value)).toBeLessThanOrEqual(TOLERANCE * (1 + Math.abs(value)));
    }),
  );
}

beforeAll(() => {
  startEngine();
  // Else it recommends tfjs-node on the console.
  (tf.findBackend('cpu') as tf.KernelBackend & { firstUse: boolean }).firstUse = false;
});
afterAll(() => {
  const total = `${names.length} kernels: ${summary.compared} equal to tfjs's JavaScript backend`;
  const property = `${summary.checkedByProperty} checked by a property`;
  const double = `${summary.inFloat64} equal in float64`;
  const single = `no double kernel for ${summary.withoutDouble.join(', ')}`;
  process.stdout.write(`${total}, ${property}; ${double}; ${single}\n`);
});

it('every kernel of the backend has a case, and every case a kernel', () => {
  const registered = tf.getKernelsForBackend('tensorflow').map(({ kernelName }) => kernelName);
  expect([...names].sort()).toEqual(registered.sort());
});

describe.each(names)('%s', (name) => {
  const entry = KERNEL_CASES[name]!;

  it('computes what the JavaScript backend does, and leaves nothing behind', async () => {
    const { differs } = entry;
    startEngine();
    const before = engine().counters();
    tf.tidy(() => {
      if (differs !== undefined) differs.check(call(name, entry));
    });
    const actual = tf.tidy(() => call(name, entry).map(read) as unknown as Tensor[]) as unknown as Output[];
    const { tensors, handles } = engine().counters();
    expect([tensors, handles]).toEqual([before.tensors, before.handles]);
    if (differs !== undefined) {
      summary.checkedByProperty++;
      return;
    }
    await tf.setBackend('cpu');
    const wanted = tf.tidy(() => call(name, entry).map(read) as unknown as Tensor[]) as unknown as Output[];
    startEngine();
    expectEqual(actual, wanted);
    summary.compared++;
  });

  it('reads nothing on the host while it runs', () => {
    const { backend } = engine();
    const { binding } = backend;
    const deaf = Object.create(binding) as typeof binding;
    deaf.tensorDataSync = () => {
      throw new Error('read on the host');
    };
    tf.engine().startScope();
    try {
      const inputs = entry.inputs?.() ?? {};
      backend.binding = deaf;
      expect(call(name, { ...entry, inputs: () => inputs }).length).toBeGreaterThan(0);
    } finally {
      backend.binding = binding;
      tf.engine().endScope();
    }
  });

  it('computes the same in float64, or says that it cannot', () => {
    const { binding } = engine().backend;
    const before = engine().counters();
    tf.engine().startScope();
    try {
      const single = call(name, entry).map(read);
      const outputs = inFloat64(() => call(name, entry));
      expectEqual(outputs.map(read), single);
      for (const output of outputs) {
        const type = binding.trueType(engine().backend.nativeId(output));
        if (FLOAT32_RESULTS.includes(name) || name === 'Identity' || name === 'Reshape') continue;
        if (isFloat(type)) expect(type).toBe(DATA_TYPES.float64);
        if (isComplex(type)) expect(type).toBe(DATA_TYPES.complex128);
        if (isFloat(type)) expect(readFloat64(output)).toHaveLength(output.size);
      }
      summary.inFloat64++;
    } catch (error) {
      if (!(error instanceof EngineError) || error.kind !== 'no-float64-kernel') throw error;
      summary.withoutDouble.push(name);
    } finally {
      tf.engine().endScope();
    }
    const { tensors, handles } = engine().counters();
    expect([tensors, handles]).toEqual([before.tensors, before.handles]);
  });
});
