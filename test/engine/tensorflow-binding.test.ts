import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { EngineError } from '../../src/core/errors.js';
import { attribute } from '../../src/engine/attribute.js';
import { DATA_TYPES, type DataTypeName } from '../../src/engine/ffi/data-types.js';
import type { TensorFlowBinding } from '../../src/engine/ffi/tensorflow-binding.js';
import type { TensorValues } from '../../src/engine/ffi/tensor-data.js';
import { startEngine } from '../../src/engine/start-engine.js';

let binding: TensorFlowBinding;
let live: number;
let owned: number[];

beforeAll(() => {
  binding = startEngine().backend.binding;
});
beforeEach(() => {
  live = binding.handles.live;
  owned = [];
});
afterEach(() => {
  for (const id of owned) binding.deleteTensor(id);
  expect(binding.handles.live).toBe(live);
});

function own(id: number): number {
  owned.push(id);
  return id;
}
const make = (shape: number[], type: DataTypeName, values: TensorValues): number =>
  own(binding.createTensor(shape, DATA_TYPES[type], values));
const run = (...call: Parameters<TensorFlowBinding['executeOp']>): number[] =>
  binding.executeOp(...call).map(({ id }) => own(id));
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const texts = (id: number): string[] =>
  (binding.tensorDataSync(id) as Uint8Array[]).map((text) => new TextDecoder().decode(text));
const failure = (body: () => unknown): EngineError => {
  try {
    body();
  } catch (error) {
    expect(error).toBeInstanceOf(EngineError);
    return error as EngineError;
  }
  throw new Error('nothing was thrown');
};

describe('values there and back', () => {
  const LONG = Array.from({ length: 100 }, (_, i) => i - 50);
  it.each<[DataTypeName, TensorValues]>([
    ['float32', Float32Array.of(1.5, -2)],
    ['float32', Float32Array.from(LONG)],
    ['int32', Int32Array.of(-1, 2 ** 31 - 1)],
    ['int32', Int32Array.from(LONG)],
    ['bool', Uint8Array.of(0, 1)],
    ['int64', BigInt64Array.of(-1n, 2n ** 60n)],
  ])('%s %s', (type, values) => {
    const read = binding.tensorDataSync(make([values.length], type, values));
    expect(Array.from(read as Float32Array)).toEqual(Array.from(values as Float32Array));
  });

  it('int64 as low and high words', () => {
    const id = make([2], 'int64', Int32Array.of(5, 0, -1, -1));
    expect(Array.from(binding.tensorDataSync(id) as BigInt64Array)).toEqual([5n, -1n]);
  });

  it('uint8 as the int32 that tfjs was told', () => {
    expect(binding.tensorDataSync(make([2], 'uint8', Uint8Array.of(3, 255)))).toEqual(Int32Array.of(3, 255));
  });

  it('complex64, interleaved', () => {
    const values = Float32Array.of(1, 2, 3, 4);
    expect(binding.tensorDataSync(make([2], 'complex64', values))).toEqual(values);
  });

  it('scalars and empty tensors', () => {
    expect(binding.tensorDataSync(make([], 'float32', Float32Array.of(7)))).toEqual(Float32Array.of(7));
    expect(binding.tensorDataSync(make([0, 3], 'float32', new Float32Array(0)))).toHaveLength(0);
    expect(binding.tensorDataSync(make([0], 'string', []))).toEqual([]);
  });

  it('strings: empty, at both sides of the 22 bytes stored in place, long, and with bytes above ASCII', () => {
    const all = ['', 'a', 'x'.repeat(22), 'y'.repeat(23), 'z'.repeat(5000), 'naïve 数字'];
    expect(texts(make([6], 'string', all.map(bytes)))).toEqual(all);
  });

  it('strings outlive the tensor that they were reshaped from', () => {
    const source = binding.createTensor([1], DATA_TYPES.string, [bytes('long enough to live on the heap')]);
    const shape = make([2], 'int32', Int32Array.of(1, 1));
    const types = [attribute.type('T', 'string'), attribute.type('Tshape', 'int32')];
    const [reshaped] = run('Reshape', types, [source, shape], 1);
    binding.deleteTensor(source);
    expect(texts(reshaped!)).toEqual(['long enough to live on the heap']);
  });

  it.each<[DataTypeName, number[]]>([
    ['float16', [1, -0.5, 65504, 2 ** -24, Infinity]],
    ['bfloat16', [1, -0.5, 2 ** 100, 2 ** -100, Infinity]],
    ['float64', [1, -0.5, 1e300, 1e-300, Infinity]],
  ])('%s is read as float32 and, exactly, as float64', (type, values) => {
    const source = make([values.length], 'float64', Float64Array.from(values));
    const cast = [attribute.type('SrcT', 'float64'), attribute.type('DstT', type)];
    const [made] = binding.executeNative('Cast', cast, [source], 1);
    own(made!.id);
    expect(made!.dtype).toBe(DATA_TYPES.float32);
    expect(binding.trueType(made!.id)).toBe(DATA_TYPES[type]);
    expect(Array.from(binding.readFloat64(made!.id))).toEqual(values);
    expect(binding.tensorDataSync(made!.id)).toEqual(Float32Array.from(values));
  });

  it('numbers of another array type are converted, as tfjs allows', () => {
    expect(binding.tensorDataSync(make([2], 'int32', Float32Array.of(1, 2)))).toEqual(Int32Array.of(1, 2));
    expect(binding.tensorDataSync(make([2], 'float32', Uint8Array.of(1, 2)))).toEqual(Float32Array.of(1, 2));
    expect(binding.tensorDataSync(make([2], 'bool', Int32Array.of(0, 7)))).toEqual(Uint8Array.of(0, 1));
  });

  it('refuses values that do not fill the shape', () => {
    expect(failure(() => make([3], 'float32', Float32Array.of(1))).message).toContain('received  1 values');
    expect(failure(() => make([3], 'string', [])).message).toContain('expected  3 strings');
    expect(failure(() => make([1.5], 'float32', Float32Array.of(1))).kind).toBe('bad-shape');
  });
});

describe('attributes of every kind', () => {
  it('type, int, bool', () => {
    const x = make([2, 2], 'float32', Float32Array.of(1, 2, 3, 4));
    const types = [attribute.type('T', 'float32'), attribute.bool('transpose_b', true)];
    expect(binding.tensorDataSync(run('MatMul', types, [x, x], 1)[0]!)).toEqual(Float32Array.of(5, 11, 11, 25));
    const packed = run(
      'Pack',
      [attribute.type('T', 'float32'), attribute.int('N', 1), attribute.int('axis', -1)],
      [x],
      1,
    );
    expect(binding.tensorDataSync(packed[0]!)).toEqual(Float32Array.of(1, 2, 3, 4));
  });

  it('shape', () => {
    const ensure = (shape: number[]) => [attribute.type('T', 'float32'), attribute.shape('shape', shape)];
    const x = make([2, 3], 'float32', new Float32Array(6));
    expect(run('EnsureShape', ensure([2, 3]), [x], 1)).toHaveLength(1);
    expect(run('EnsureShape', ensure([-1, 3]), [x], 1)).toHaveLength(1);
    expect(failure(() => run('EnsureShape', ensure([2, 4]), [x], 1)).received).toContain('[2,4]');
  });

  it('float, string, lists of ints', () => {
    const x = make([2], 'float32', Float32Array.of(-2, 4));
    const leaky = run('LeakyRelu', [attribute.type('T', 'float32'), attribute.float('alpha', 0.25)], [x], 1);
    expect(binding.tensorDataSync(leaky[0]!)).toEqual(Float32Array.of(-0.5, 4));
    const image = make([1, 2, 2, 1], 'float32', Float32Array.of(1, 2, 3, 4));
    const pool = [
      attribute.type('T', 'float32'),
      attribute.int('ksize', [1, 2, 2, 1]),
      attribute.int('strides', [1, 2, 2, 1]),
      attribute.string('padding', 'VALID'),
    ];
    expect(binding.tensorDataSync(run('MaxPool', pool, [image], 1)[0]!)).toEqual(Float32Array.of(4));
  });

  it('lists of types and shapes', () => {
    const queue = [
      attribute.type('component_types', ['float32', 'int32']),
      attribute.shape('shapes', [[2], [1, 3]]),
      attribute.string('shared_name', 'attributes-queue'),
    ];
    const [handle] = run('FIFOQueueV2', queue, [], 1);
    const pair = [make([2], 'float32', Float32Array.of(1, 2)), make([1, 3], 'int32', Int32Array.of(3, 4, 5))];
    const components = attribute.type('Tcomponents', ['float32', 'int32']);
    run('QueueEnqueueV2', [components], [handle!, ...pair], 0);
    const out = run('QueueDequeueV2', [attribute.type('component_types', ['float32', 'int32'])], [handle!], 2);
    expect(out.map((id) => Array.from(binding.tensorDataSync(id) as Float32Array))).toEqual([
      [1, 2],
      [3, 4, 5],
    ]);
    const wrong = make([3], 'float32', new Float32Array(3));
    expect(failure(() => run('QueueEnqueueV2', [components], [handle!, wrong, pair[1]!], 0)).received).toContain('[2]');
  });

  it('lists of floats, bools and strings', () => {
    const x = make([1], 'float32', Float32Array.of(0.5));
    const buckets = run(
      'Bucketize',
      [attribute.type('T', 'float32'), attribute.float('boundaries', [0, 0.25, 1])],
      [x],
      1,
    );
    expect(binding.tensorDataSync(buckets[0]!)).toEqual(Int32Array.of(2));
    const text = make([1, 2, 2, 1], 'float32', Float32Array.of(1, 2, 3, 4));
    const squeeze = [attribute.type('T', 'float32'), attribute.int('squeeze_dims', [0, 3])];
    expect(binding.executeOp('Squeeze', squeeze, [text], 1).map(({ id, shape }) => (own(id), shape))).toEqual([[2, 2]]);
    const line = make([1], 'string', [bytes('3,word')]);
    const defaults = [make([1], 'int32', Int32Array.of(0)), make([1], 'string', [bytes('-')])];
    const csv = run('DecodeCSV', [attribute.type('OUT_TYPE', ['int32', 'string'])], [line, ...defaults], 2);
    expect(binding.tensorDataSync(csv[0]!)).toEqual(Int32Array.of(3));
    expect(texts(csv[1]!)).toEqual(['word']);
  });

  it('is refused where it would be cut off or misread', () => {
    const x = make([1], 'float32', Float32Array.of(1));
    const refuse = (entry: Parameters<TensorFlowBinding['executeOp']>[1][number]): string =>
      failure(() => run('Pack', [attribute.type('T', 'float32'), entry], [x], 1)).message;
    expect(refuse(attribute.int('axis', 0.5))).toContain('attribute "axis" of op Pack\n  expected  a whole number');
    expect(refuse({ name: 'axis', type: 3, value: 1 })).toContain('true or false');
    expect(refuse({ name: 'axis', type: 99, value: 1 })).toContain('a known kind of attribute');
  });
});

describe('a failing op', () => {
  it('throws with its name, and the message and code of TensorFlow', () => {
    const error = failure(() =>
      run('AddV2', [], [make([2], 'float32', new Float32Array(2)), make([3], 'float32', new Float32Array(3))], 1),
    );
    expect([error.kind, error.where]).toEqual(['op-failed', 'op AddV2']);
    expect(error.received).toContain('Incompatible shapes: [2] vs. [3]');
    expect(error.received).toContain('INVALID_ARGUMENT');
  });

  it('names an op that TensorFlow does not have', () => {
    const error = failure(() => run('NoSuchOp', [], [], 1));
    expect([error.where, error.received]).toEqual(['op NoSuchOp', expect.stringContaining('NOT_FOUND')]);
  });

  it('does not spoil the next one, however often it fails', () => {
    const x = make([2], 'float32', Float32Array.of(1, 2));
    for (let i = 0; i < 1000; i++) failure(() => run('NoSuchOp', [], [x], 1));
    for (let i = 0; i < 1000; i++) failure(() => run('MatMul', [], [x, x], 1));
    expect(binding.tensorDataSync(run('Neg', [], [x], 1)[0]!)).toEqual(Float32Array.of(-1, -2));
  });

  it('frees what it converted on the way', () => {
    const double = make([2], 'float64', Float64Array.of(1, 2));
    const before = binding.handles.live;
    failure(() => binding.executeOp('MatMul', [attribute.type('T', 'float32')], [double, double], 1));
    expect(binding.handles.live).toBe(before);
  });
});

describe('a stale id', () => {
  it('is refused by every call, also once its slot is used again', () => {
    const id = binding.createTensor([1], DATA_TYPES.float32, Float32Array.of(1));
    binding.deleteTensor(id);
    make([1], 'float32', Float32Array.of(2));
    for (const use of [binding.deleteTensor, binding.tensorDataSync, binding.readFloat64, binding.trueType]) {
      expect(failure(() => use.call(binding, id)).kind).toBe('unknown-tensor');
    }
    expect(failure(() => run('Neg', [], [id], 1)).where).toBe('op Neg');
    expect(failure(() => binding.deleteTensor(-1)).kind).toBe('unknown-tensor');
    expect(failure(() => binding.deleteTensor(NaN)).kind).toBe('unknown-tensor');
  });
});

describe('a recorder', () => {
  it('stands in the place of the binding as an object made from it', () => {
    const seen: string[] = [];
    const recorder = Object.create(binding) as TensorFlowBinding;
    recorder.executeNative = (...call) => {
      seen.push(call[0]);
      return binding.executeNative(...call);
    };
    const x = make([2], 'float64', Float64Array.of(1, 2));
    const { executedOps } = binding.counts;
    own(recorder.executeOp('Neg', [attribute.type('T', 'float32')], [x], 1)[0]!.id);
    expect(seen).toEqual(['Cast', 'Neg']);
    expect(binding.counts.executedOps).toBe(executedOps + 2);
  });
});
