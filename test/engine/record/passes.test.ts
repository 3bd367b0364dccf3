import { describe, expect, it } from '@jest/globals';
import { defineFunction } from '../../../src/engine/record/define-function.js';
import { mergeConstants } from '../../../src/engine/record/merge-constants.js';
import type { GraphPass, RecordedGraph } from '../../../src/engine/record/recorded-graph.js';
import { Recorder } from '../../../src/engine/record/recorder.js';
import { removeDeadNodes } from '../../../src/engine/record/remove-dead-nodes.js';
import { engine } from '../../../src/engine/start-engine.js';
import { tf, type Tensor } from '../../../src/engine/tfjs.js';
import { Variable } from '../../../src/engine/variable.js';
import { useTestEngine } from '../../helpers/engine.js';
import { bitsOf, nodesOf, opsOf } from '../../helpers/recording.js';

useTestEngine();

/** The bits of a graph's results, run as a function of its own. */
async function run(graph: RecordedGraph, inputs: readonly Tensor[]): Promise<string[]> {
  const { backend } = engine();
  const native = defineFunction('passes', graph);
  try {
    const made = await native.call(inputs.map((input) => backend.nativeId(input)));
    const outputs = made.map((metadata) => backend.createOutputTensor(metadata));
    const bits = outputs.map(bitsOf);
    tf.dispose(outputs);
    return bits;
  } finally {
    native.delete();
  }
}

/** Records `fn`, runs it without and with the pass, and gives the graph after it. */
async function checkPass(pass: GraphPass, inputs: readonly Tensor[], fn: () => Tensor[]): Promise<RecordedGraph> {
  const before = await run(new Recorder(inputs).record(fn), inputs);
  const graph = pass(new Recorder(inputs).record(fn));
  expect(await run(graph, inputs)).toEqual(before);
  return graph;
}

describe('removeDeadNodes', () => {
  it('leaves out what nobody needs, with what only that needed', async () => {
    const x = tf.tensor1d([1, 2]);
    const graph = await checkPass(removeDeadNodes, [x], () =>
      tf.tidy(() => {
        tf.exp(tf.mul(x, tf.scalar(3)));
        return [tf.neg(x)];
      }),
    );
    expect(opsOf(graph)).toEqual(['Placeholder', 'Neg']);
    x.dispose();
  });

  it('keeps arguments that nothing uses', async () => {
    const [x, unused] = [tf.tensor1d([1]), tf.tensor1d([2])];
    const graph = await checkPass(removeDeadNodes, [unused, x], () => [tf.neg(x)]);
    expect(opsOf(graph)).toEqual(['Placeholder', 'Placeholder', 'Neg']);
    tf.dispose([x, unused]);
  });

  it('keeps writes in their order, and drops reads that nobody uses', async () => {
    const x = tf.tensor1d([1, 2]);
    const variable = Variable.create('pass', x);
    const graph = await checkPass(removeDeadNodes, [x], () =>
      tf.tidy(() => {
        variable.assign(x);
        variable.read();
        variable.assignAdd(x);
        return [variable.read()];
      }),
    );
    expect(opsOf(graph).filter((op) => op.endsWith('VariableOp'))).toEqual([
      'AssignVariableOp',
      'AssignAddVariableOp',
      'ReadVariableOp',
    ]);
    const [assign] = nodesOf(graph, 'AssignVariableOp');
    const [add] = nodesOf(graph, 'AssignAddVariableOp');
    expect(add!.controls).toEqual([assign]);
    expect(nodesOf(graph, 'ReadVariableOp')[0]!.controls).toEqual([add]);
    x.dispose();
    variable.dispose();
  });
});

describe('mergeConstants', () => {
  it('keeps one of equal constants, and all that differ in value, shape, type or sign of zero', async () => {
    const x = tf.tensor1d([1, 2]);
    const graph = await checkPass(mergeConstants, [x], () =>
      tf.tidy(() => [
        tf.add(tf.mul(x, tf.scalar(2)), tf.scalar(2)),
        tf.add(x, tf.tensor1d([2])),
        tf.mul(x, tf.scalar(0)),
        tf.mul(x, tf.scalar(-0)),
        tf.cast(tf.scalar(2, 'int32'), 'float32'),
      ]),
    );
    const constants = nodesOf(graph, 'Const').map(({ outputs }) => `${outputs[0]!.type} ${outputs[0]!.shape.length}`);
    // 2 and 0 and -0 as scalars, [2] as a list, 2 as an int32.
    expect(constants.sort()).toEqual(['1 0', '1 0', '1 0', '1 1', '3 0']);
    x.dispose();
  });

  it('tells strings apart by where one ends', async () => {
    const graph = await checkPass(mergeConstants, [], () => [
      tf.tensor1d(['ab', 'c']),
      tf.tensor1d(['a', 'bc']),
      tf.tensor1d(['ab', 'c']),
    ]);
    expect(nodesOf(graph, 'Const')).toHaveLength(2);
  });

  it('leads results to the constant that was kept', async () => {
    const x = tf.tensor1d([1]);
    const graph = await checkPass(mergeConstants, [x], () => tf.tidy(() => [tf.scalar(5), tf.mul(x, 5), tf.scalar(5)]));
    const [constant] = nodesOf(graph, 'Const');
    expect(graph.results[0]!.node).toBe(constant);
    expect(graph.results[2]!.node).toBe(constant);
    x.dispose();
  });
});
