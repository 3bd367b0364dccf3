import { describe, expect, it } from '@jest/globals';
import { TraceError } from '../../../src/core/errors.js';
import { withPath } from '../../../src/core/path-scope.js';
import { attribute, executeOp } from '../../../src/engine/execute-op.js';
import { inFloat64 } from '../../../src/engine/float64.js';
import { argumentCopies } from '../../../src/engine/record/argument-copies.js';
import { RecordedFunction } from '../../../src/engine/record/recorded-function.js';
import type { RecordedGraph } from '../../../src/engine/record/recorded-graph.js';
import { Recorder } from '../../../src/engine/record/recorder.js';
import { isRecording } from '../../../src/engine/record/recording-state.js';
import { engine } from '../../../src/engine/start-engine.js';
import { tf, type Tensor } from '../../../src/engine/tfjs.js';
import { Variable } from '../../../src/engine/variable.js';
import { useTestEngine } from '../../helpers/engine.js';
import { alive, bitsOf, inBothModes, nodesOf, opsOf, thrownBy, valuesOf } from '../../helpers/recording.js';

useTestEngine();

function graphOf(inputs: readonly Tensor[], fn: () => Tensor[]): RecordedGraph {
  return new Recorder(inputs).record(fn);
}

function variableOf(name: string, values: number[]): Variable {
  const initial = tf.tensor1d(values);
  const variable = Variable.create(name, initial);
  initial.dispose();
  return variable;
}

function read(variable: Variable): number[] {
  const tensor = variable.read();
  const values = Array.from(tensor.dataSync());
  tensor.dispose();
  return values;
}

describe('what a recording is made of', () => {
  it('takes inputs as arguments, in their order, used or not', async () => {
    const [a, b, unused] = [tf.tensor1d([1, 2]), tf.tensor1d([10, 20]), tf.tensor2d([[7]])];
    const recorded = RecordedFunction.record('arguments', [unused, b, a], () => [tf.sub(b, a)]);
    expect(recorded.graph.arguments.map(({ outputs }) => outputs[0]!.shape)).toEqual([[1, 1], [2], [2]]);
    const other = tf.tensor1d([5, 5]);
    expect(await valuesOf(recorded, unused, other, a)).toEqual([[4, 3]]);
    recorded.dispose();
    tf.dispose([a, b, unused, other]);
  });

  it('keeps every other tensor as a constant, with the value that it had', async () => {
    const x = tf.tensor1d([1, 2]);
    const outside = tf.tensor1d([100, 200]);
    const recorded = RecordedFunction.record('constants', [x], () => [tf.add(x, outside)]);
    outside.dispose();
    expect(nodesOf(recorded.graph, 'Const')).toHaveLength(1);
    expect(await valuesOf(recorded, x)).toEqual([[101, 202]]);
    recorded.dispose();
    x.dispose();
  });

  it('gives an input back as a result, and a constant, and one result twice', async () => {
    const x = tf.tensor1d([1, 2]);
    const constant = tf.scalar(3);
    const recorded = RecordedFunction.record('through', [x], () => {
      const y = tf.neg(x);
      return [x, constant, y, y];
    });
    expect(await valuesOf(recorded, x)).toEqual([[1, 2], [3], [-1, -2], [-1, -2]]);
    expect(x.isDisposed || constant.isDisposed).toBe(false);
    recorded.dispose();
    tf.dispose([x, constant]);
  });

  it('is named after the layers that ran its ops', () => {
    const x = tf.scalar(1);
    const graph = graphOf([x], () => [withPath('body', () => withPath('dense', () => tf.neg(x)))]);
    expect(nodesOf(graph, 'Neg')[0]!.path).toBe('body/dense');
    x.dispose();
  });

  it('reads strings, int64, int32 and booleans as constants and as inputs', async () => {
    const text = tf.tensor1d(['β', '', 'a longer one than twenty-two bytes'], 'string');
    const whole = tf.tensor1d([2 ** 31 - 1, -(2 ** 31)], 'int32');
    const truth = tf.tensor1d([true, false], 'bool');
    const outside = [text, whole, truth] as Tensor[];
    const { eager, recorded } = await inBothModes([], () => outside.map((tensor) => tensor.clone()));
    expect(recorded).toEqual(eager);
    const fed = await inBothModes(outside, () => outside.map((tensor) => tensor.clone()));
    expect(fed.recorded).toEqual(fed.eager);

    const { binding } = engine().backend;
    const wide = RecordedFunction.record('int64', [whole], () => {
      const big = binding.createTensor([2], binding.TF_INT64, new BigInt64Array([2n ** 40n, -1n]) as never);
      const type = (name: string, value: number) => ({ name, type: binding.TF_ATTR_TYPE, value });
      const attributes = [type('SrcT', binding.TF_INT64), type('DstT', binding.TF_FLOAT)];
      const { backend } = engine();
      const made = backend.binding.executeOp('Cast', attributes, [big], 1)[0]!;
      binding.deleteTensor(big);
      return [backend.createOutputTensor(made)];
    });
    expect(await valuesOf(wide, whole)).toEqual([[2 ** 40, -1]]);
    wide.dispose();
    tf.dispose(outside);
  });

  it('sees reshapes and clones of its inputs', async () => {
    const x = tf.tensor1d([1, 2, 3, 4]);
    // The reshape's native alias exists before the recording and must not be taken for a constant.
    const before = x.reshape([2, 2]);
    expect(tf.tidy(() => tf.sum(before, 0).dataSync())).toEqual(Float32Array.of(4, 6));
    const recorded = RecordedFunction.record('views', [x], () =>
      tf.tidy(() => [tf.sum(x.reshape([2, 2]), 0), tf.neg(x.clone())]),
    );
    const other = tf.tensor1d([10, 20, 30, 40]);
    expect(await valuesOf(recorded, other)).toEqual([
      [40, 60],
      [-10, -20, -30, -40],
    ]);
    recorded.dispose();
    tf.dispose([x, before, other]);
  });

  it('refuses arguments that cannot be told apart; copies can', async () => {
    const x = tf.tensor1d([1, 2, 3, 4]);
    const view = x.reshape([2, 2]);
    for (const inputs of [[x, x], [x, x.clone()], [view]]) {
      expect(() => graphOf(inputs, () => [x])).toThrow(/TraceError \[argument\]/);
      tf.dispose(inputs.filter((input) => input !== x && input !== view));
    }
    const [a, b, c] = argumentCopies([x, x, view]) as [Tensor, Tensor, Tensor];
    const recorded = RecordedFunction.record('copies', [a, b, c], () => tf.tidy(() => [tf.sub(a, b), tf.sum(c, 1)]));
    const other = tf.zeros([4]);
    expect(await valuesOf(recorded, x, other, view)).toEqual([
      [1, 2, 3, 4],
      [3, 7],
    ]);
    recorded.dispose();
    tf.dispose([x, view, a, b, c, other]);
  });

  it('runs in the precision of the scope that it was recorded in', async () => {
    const third = await inFloat64Recorded();
    // float32 gives 0.333333343267...
    expect(Math.abs(third - 1 / 3)).toBeLessThan(Number.EPSILON);
  });
});

async function inFloat64Recorded(): Promise<number> {
  const { binding } = engine().backend;
  const one = tf.tensor1d([1]);
  const recorded = inFloat64(() =>
    RecordedFunction.record('float64', [one], () => tf.tidy(() => [tf.div(one, tf.tensor1d([3]))])),
  );
  expect(opsOf(recorded.graph)).toContain('Cast');
  const [result] = await recorded.call([one]);
  const [value] = binding.readFloat64(engine().backend.nativeId(result!));
  expect(binding.trueType(engine().backend.nativeId(result!))).not.toBe(binding.TF_FLOAT);
  recorded.dispose();
  tf.dispose([one, result!]);
  return value!;
}

describe('state', () => {
  it('is put back after recording, and changed by every call', async () => {
    const [total, count] = [variableOf('total', [1, 1]), variableOf('count', [0])];
    const x = tf.tensor1d([2, 3]);
    const recorded = RecordedFunction.record('accumulate', [x], () =>
      tf.tidy(() => {
        total.assignAdd(x);
        count.assign(tf.add(count.read(), 1));
        return [total.read()];
      }),
    );
    expect([read(total), read(count)]).toEqual([[1, 1], [0]]);
    expect(await valuesOf(recorded, x)).toEqual([[3, 4]]);
    expect(await valuesOf(recorded, x)).toEqual([[5, 7]]);
    expect([read(total), read(count)]).toEqual([[5, 7], [2]]);
    recorded.dispose();
    x.dispose();
    total.dispose();
    count.dispose();
  });

  it('is shared with eager code', async () => {
    const variable = variableOf('shared', [1]);
    const recorded = RecordedFunction.record('doubled', [], () => tf.tidy(() => [tf.mul(variable.read(), 2)]));
    expect(await valuesOf(recorded)).toEqual([[2]]);
    tf.tidy(() => variable.assign(tf.tensor1d([21])));
    expect(await valuesOf(recorded)).toEqual([[42]]);
    recorded.dispose();
    variable.dispose();
  });

  it('a tensor that was read before a call is not changed by it', async () => {
    const variable = variableOf('old', [1]);
    const one = tf.tensor1d([1]);
    const recorded = RecordedFunction.record('increment', [one], () => {
      variable.assignAdd(one);
      return [];
    });
    const old = variable.read();
    await recorded.call([one]);
    expect([old.dataSync()[0], read(variable)[0]]).toEqual([1, 2]);
    recorded.dispose();
    tf.dispose([old, one]);
    variable.dispose();
  });

  it('is read and written in the order of the code', async () => {
    const variable = variableOf('ordered', [1]);
    const [x, gate] = [tf.tensor1d([10]), tf.scalar(true)];
    const step = (): Tensor[] =>
      tf.tidy(() => {
        const first = variable.read();
        variable.assignAdd(x);
        const second = variable.read();
        // A gated update: write, look at what came out, and take it back.
        variable.assign(tf.mul(second, 3));
        const third = variable.read();
        variable.assign(tf.where(gate, third, first));
        const fourth = variable.read();
        variable.assignAdd(x);
        return [first, second, third, fourth, variable.read()];
      });
    const recorded = RecordedFunction.record('ordered', [x, gate], step);
    const closed = tf.scalar(false);
    for (let repeat = 0; repeat < 20; repeat++) {
      tf.tidy(() => variable.assign(tf.tensor1d([1])));
      expect(await valuesOf(recorded, x, gate)).toEqual([[1], [11], [33], [33], [43]]);
      expect(read(variable)).toEqual([43]);
      tf.tidy(() => variable.assign(tf.tensor1d([1])));
      expect(await valuesOf(recorded, x, closed)).toEqual([[1], [11], [33], [1], [11]]);
    }
    recorded.dispose();
    tf.dispose([x, gate, closed]);
    variable.dispose();
  });

  it('of one variable does not wait for that of another', () => {
    const [a, b] = [variableOf('a', [1]), variableOf('b', [1])];
    const x = tf.tensor1d([1]);
    const graph = graphOf([x], () => {
      a.assignAdd(x);
      b.assignAdd(x);
      a.assignAdd(x);
      return [];
    });
    const [first, other, second] = nodesOf(graph, 'AssignAddVariableOp');
    expect([first!.controls, other!.controls, second!.controls]).toEqual([[], [], [first]]);
    x.dispose();
    a.dispose();
    b.dispose();
  });

  it('written through a fused kernel of several variables is ordered and put back, too', async () => {
    const [weight, slot] = [variableOf('weight', [1]), variableOf('slot', [0])];
    const inputs = [tf.scalar(0.5), tf.tensor1d([2]), tf.scalar(0.9)];
    const step = (): Tensor[] => {
      const attributes = [attribute.type('T', 'float32'), attribute.bool('use_nesterov', false)];
      executeOp('ResourceApplyKerasMomentum', attributes, [weight, slot, ...inputs], 0);
      return [weight.read(), slot.read()];
    };
    const recorded = RecordedFunction.record('momentum', inputs, step);
    expect([read(weight), read(slot)]).toEqual([[1], [0]]);
    expect(await valuesOf(recorded, ...inputs)).toEqual([[0], [-1]]);
    recorded.dispose();
    tf.dispose(inputs);
    weight.dispose();
    slot.dispose();
  });
});

describe('a recording', () => {
  it('frees tensors as it goes', () => {
    const x = tf.tensor1d([1]);
    const { backend } = engine();
    backend.nativeId(x);
    const before = alive().handles;
    let most = 0;
    graphOf([x], () =>
      tf.tidy(() => {
        let y: Tensor = tf.neg(x);
        for (let i = 0; i < 50; i++) {
          const next = tf.neg(y);
          y.dispose();
          y = next;
          most = Math.max(most, backend.binding.handles.live - before);
        }
        return [y];
      }),
    );
    expect(most).toBeLessThan(4);
    expect(alive().handles).toBe(before);
    x.dispose();
  });

  it('never takes a new tensor for an old one of the same slot', async () => {
    const x = tf.tensor1d([1]);
    const fn = (): Tensor[] =>
      tf.tidy(() => {
        let sum: Tensor = tf.zeros([1]);
        for (let i = 1; i <= 10; i++) sum = tf.tidy(() => tf.add(sum, tf.mul(x, i)));
        return [sum];
      });
    const { eager, recorded } = await inBothModes([x], fn);
    expect(recorded).toEqual(eager);
    x.dispose();
  });

  it('disposes what the function left behind, and nothing of anybody else', () => {
    const x = tf.tensor1d([1]);
    const outside = tf.tensor1d([2]);
    for (const tensor of [x, outside]) engine().backend.nativeId(tensor);
    const before = alive();
    graphOf([x], () => {
      tf.exp(x);
      return [tf.add(x, outside), outside, x];
    });
    expect(alive()).toEqual(before);
    expect(x.isDisposed || outside.isDisposed).toBe(false);
    tf.dispose([x, outside]);
  });

  it('that fails leaves binding, state and counters as they were', () => {
    const variable = variableOf('kept', [1]);
    const x = tf.tensor1d([5]);
    const { backend } = engine();
    const { binding } = backend;
    const { random } = Math;
    const faults: (() => Tensor)[] = [
      () => {
        throw new RangeError('mine');
      },
      () => tf.scalar(x.dataSync()[0]!),
      () => tf.scalar(Math.random()),
      () => executeOp('NoSuchOp', [], [x])[0]!,
    ];
    for (const fault of faults) {
      // Uploads what tfjs has put off, so that handles can be compared.
      backend.nativeId(x);
      const before = alive();
      expect(() =>
        graphOf([x], () => {
          tf.exp(x);
          variable.assignAdd(x);
          return [tf.tidy(() => tf.add(fault(), x))];
        }),
      ).toThrow();
      expect(alive()).toEqual(before);
      expect(backend.binding).toBe(binding);
      expect(Object.hasOwn(backend, 'read')).toBe(false);
      expect(Math.random).toBe(random);
      expect(isRecording()).toBe(false);
      expect(read(variable)).toEqual([1]);
    }
    x.dispose();
    variable.dispose();
  });

  it("passes a function's own errors on", () => {
    const mine = new RangeError('mine');
    const thrown = thrownBy(() =>
      graphOf([], () => {
        throw mine;
      }),
    );
    expect(thrown).toBe(mine);
  });

  it('inside a recording is refused', () => {
    const x = tf.tensor1d([1]);
    const inner = () => RecordedFunction.record('inner', [x], () => [tf.neg(x)]);
    const thrown = thrownBy(() =>
      graphOf([x], () => {
        inner();
        return [];
      }),
    );
    expect(thrown).toBeInstanceOf(TraceError);
    expect((thrown as TraceError).kind).toBe('nested-recording');
    inner().dispose();
    x.dispose();
  });

  it('that user code kept going after a refused read is refused all the same', () => {
    const x = tf.tensor1d([1]);
    const swallowing = (): Tensor[] => {
      try {
        return [tf.scalar(x.dataSync()[0]!)];
      } catch {
        return [tf.scalar(0)];
      }
    };
    expect(() => graphOf([x], swallowing)).toThrow(/\[host-read\]/);
    x.dispose();
  });

  it('leaves nothing behind once it is disposed', async () => {
    const [x, other] = [tf.tensor1d([1, 2]), tf.tensor1d([3, 4])];
    engine().backend.nativeId(x);
    engine().backend.nativeId(other);
    const before = alive();
    for (let repeat = 0; repeat < 3; repeat++) {
      const recorded = RecordedFunction.record('disposed', [x], () => tf.tidy(() => [tf.mul(x, tf.exp(other))]));
      tf.dispose(await recorded.call([other]));
      recorded.dispose();
      expect(alive()).toEqual(before);
    }
    tf.dispose([x, other]);
  });

  it('gives results with the bits of the eager run', async () => {
    const x = tf.tensor2d([
      [0.1, -0.2],
      [0.3, 0.4],
    ]);
    const { eager, recorded } = await inBothModes([x], () =>
      tf.tidy(() => [tf.cumsum(x), tf.grad((t: Tensor) => tf.sum(tf.tanh(t)))(x)]),
    );
    expect(recorded).toEqual(eager);
    expect(recorded[0]).not.toBe(bitsOf(x));
    x.dispose();
  });
});
