import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ShapeError, StateError } from '../../src/core/errors.js';
import { attribute, executeOp } from '../../src/engine/execute-op.js';
import { startEngine, type EngineCounters } from '../../src/engine/start-engine.js';
import { tf } from '../../src/engine/tfjs.js';
import { Variable } from '../../src/engine/variable.js';

let before: EngineCounters;
beforeAll(() => void startEngine());
beforeEach(() => {
  tf.engine().startScope();
  before = startEngine().counters();
});
afterEach(() => {
  tf.engine().endScope();
  const { tensors, handles, variables } = startEngine().counters();
  expect({ tensors, handles, variables }).toEqual({
    tensors: before.tensors,
    handles: before.handles,
    variables: before.variables,
  });
});

const values = (variable: Variable): number[] => Array.from(variable.read().dataSync());

describe('Variable', () => {
  it('holds a copy of its initial value', () => {
    const initial = tf.tensor2d([[1, 2]]);
    const variable = Variable.create('weights', initial);
    initial.dispose();
    expect(values(variable)).toEqual([1, 2]);
    expect([variable.name, variable.shape, variable.dtype]).toEqual(['weights', [1, 2], 'float32']);
    variable.dispose();
  });

  it.each([
    ['int32', [1, -2]],
    ['bool', [0, 1]],
  ] as const)('holds %s', (dtype, numbers) => {
    const variable = Variable.create('typed', tf.tensor1d([...numbers], dtype));
    expect(values(variable)).toEqual(numbers);
    expect(variable.read().dtype).toBe(dtype);
    variable.dispose();
  });

  it('is written by assign and assignAdd, and a value read before stays as it was', () => {
    const variable = Variable.create('weights', tf.tensor1d([1, 2]));
    const old = variable.read();
    variable.assignAdd(tf.tensor1d([10, 10]));
    expect(values(variable)).toEqual([11, 12]);
    variable.assign(tf.tensor1d([5, 6]));
    expect(values(variable)).toEqual([5, 6]);
    expect(Array.from(old.dataSync())).toEqual([1, 2]);
    variable.dispose();
  });

  it('is assigned a reshaped tensor with its new shape', () => {
    const variable = Variable.create('weights', tf.zeros([2, 2]));
    variable.assign(tf.tensor1d([1, 2, 3, 4]).reshape([2, 2]));
    expect(variable.read().shape).toEqual([2, 2]);
    expect(values(variable)).toEqual([1, 2, 3, 4]);
    variable.dispose();
  });

  it('reads into the scope that tidy keeps', () => {
    const variable = Variable.create('weights', tf.ones([3]));
    const { tensors } = startEngine().counters();
    tf.tidy(() => void variable.read());
    expect(startEngine().counters().tensors).toBe(tensors);
    variable.dispose();
  });

  it('has a shared name of its own, under which any op finds it', () => {
    const first = Variable.create('same', tf.ones([1]));
    const second = Variable.create('same', tf.zeros([1]));
    expect(first.sharedName).not.toBe(second.sharedName);
    const { binding } = startEngine().backend;
    const attributes = [
      attribute.type('dtype', 'float32'),
      attribute.shape('shape', [1]),
      attribute.string('shared_name', first.sharedName),
    ];
    const [alias] = binding.executeOp('VarHandleOp', attributes, [], 1);
    const [value] = executeOp('ReadVariableOp', [attribute.type('dtype', 'float32')], [{ handleId: alias!.id }]);
    expect(value!.dataSync()[0]).toBe(1);
    binding.deleteTensor(alias!.id);
    expect(Variable.ofHandle(first.handleId)).toBe(first);
    first.dispose();
    second.dispose();
  });

  it('refuses another shape or dtype and keeps its value', () => {
    const variable = Variable.create('weights', tf.tensor1d([1, 2]));
    expect(() => variable.assign(tf.ones([3]))).toThrow(ShapeError);
    expect(() => variable.assign(tf.ones([3]))).toThrow(
      'the new value of variable "weights"\n  expected  shape [2]\n  received  shape [3]',
    );
    expect(() => variable.assignAdd(tf.tensor1d([1, 2], 'int32'))).toThrow('expected  dtype float32');
    expect(values(variable)).toEqual([1, 2]);
    variable.dispose();
  });

  it('is counted while it lives, and refuses everything after dispose', () => {
    const variable = Variable.create('weights', tf.ones([1]));
    expect(startEngine().counters().variables).toBe(before.variables + 1);
    variable.dispose();
    variable.dispose();
    expect(startEngine().counters().variables).toBe(before.variables);
    expect(variable.isDisposed).toBe(true);
    expect(() => variable.read()).toThrow(StateError);
    expect(() => variable.assign(tf.ones([1]))).toThrow('variable "weights"');
    expect(() => variable.assignAdd(tf.ones([1]))).toThrow(StateError);
  });

  it('gives its memory back', () => {
    const variable = Variable.create('weights', tf.ones([1]));
    const handle = { handleId: variable.handleId };
    const exists = (): number => executeOp('VarIsInitializedOp', [], [handle])[0]!.dataSync()[0]!;
    expect(exists()).toBe(1);
    const [twin] = executeOp('Identity', [attribute.type('T', 'resource')], [handle]);
    variable.dispose();
    const [initialized] = executeOp('VarIsInitializedOp', [], [twin!]);
    expect(initialized!.dataSync()[0]).toBe(0);
  });
});
