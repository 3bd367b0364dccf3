import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { attribute, executeOp } from '../../src/engine/execute-op.js';
import { startEngine } from '../../src/engine/start-engine.js';
import { tf } from '../../src/engine/tfjs.js';

let handles: number;
beforeAll(() => void startEngine());
beforeEach(() => {
  handles = startEngine().counters().handles;
  tf.engine().startScope();
});
afterEach(() => {
  tf.engine().endScope();
  expect(startEngine().counters().handles).toBe(handles);
});

describe('executeOp', () => {
  it('runs an op that tfjs has no kernel for', () => {
    const dy = tf.tensor1d([1, 2, 3]);
    const y = tf.tensor1d([-1, 0, 1]);
    const [gradient] = executeOp('ReluGrad', [attribute.type('T', 'float32')], [dy, y]);
    expect(gradient!.dataSync()).toEqual(Float32Array.of(0, 0, 3));
  });

  it('gives all results of an op that has several', () => {
    const logits = tf.tensor2d([[0, 0]]);
    const types = [attribute.type('T', 'float32'), attribute.type('Tlabels', 'int32')];
    const op = 'SparseSoftmaxCrossEntropyWithLogits';
    const [loss, backprop] = executeOp(op, types, [logits, tf.tensor1d([1], 'int32')], 2);
    expect(loss!.dataSync()[0]).toBeCloseTo(Math.LN2, 6);
    expect(backprop!.dataSync()).toEqual(Float32Array.of(0.5, -0.5));
  });

  it('turns int64 and uint8 results into int32 ones that other ops take', () => {
    const [where] = executeOp('Where', [attribute.type('T', 'bool')], [tf.tensor1d([false, true, true], 'bool')]);
    expect([where!.dtype, Array.from(where!.add(tf.scalar(1, 'int32')).dataSync())]).toEqual(['int32', [2, 3]]);
    const narrow = [attribute.type('SrcT', 'float32'), attribute.type('DstT', 'uint8')];
    const [bytes] = executeOp('Cast', narrow, [tf.tensor1d([200.7])]);
    expect([bytes!.dtype, bytes!.square().dataSync()[0]]).toEqual(['int32', 40000]);
  });

  it('takes and gives resources', () => {
    const options = [attribute.type('key_dtype', 'string'), attribute.type('value_dtype', 'float32')];
    const [table] = executeOp('MutableHashTableV2', options, []);
    const pair = [attribute.type('Tin', 'string'), attribute.type('Tout', 'float32')];
    executeOp('LookupTableInsertV2', pair, [table!, tf.tensor1d(['a', 'b']), tf.tensor1d([1, 2])], 0);
    const [found] = executeOp('LookupTableFindV2', pair, [table!, tf.tensor1d(['b', 'c']), tf.scalar(-1)]);
    expect(found!.dataSync()).toEqual(Float32Array.of(2, -1));
  });

  it('passes a tensor in the shape that it has been given last', () => {
    const line = tf.tensor1d([1, 2, 3, 4]);
    const square = line.reshape([2, 2]);
    const transpose = [attribute.type('T', 'float32'), attribute.type('Tperm', 'int32')];
    const [turned] = executeOp('Transpose', transpose, [square, tf.tensor1d([1, 0], 'int32')]);
    expect(turned!.dataSync()).toEqual(Float32Array.of(1, 3, 2, 4));
    expect(executeOp('Shape', [attribute.type('T', 'float32')], [line])[0]!.dataSync()).toEqual(Int32Array.of(4));
  });
});
