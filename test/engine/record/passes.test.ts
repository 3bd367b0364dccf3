import { describe, expect, it } from '@jest/globals';
import '../../../src/container.js';
import { biasAdd } from '../../../src/autodiff/ops/bias-add.js';
import { withPrecision } from '../../../src/engine/precision/mixed-precision.js';
import { defineFunction } from '../../../src/engine/record/define-function.js';
import { mergeConstants } from '../../../src/engine/record/merge-constants.js';
import type { GraphPass, RecordedGraph } from '../../../src/engine/record/recorded-graph.js';
import { Recorder } from '../../../src/engine/record/recorder.js';
import { removeDeadNodes } from '../../../src/engine/record/remove-dead-nodes.js';
import { sumBeforePooling } from '../../../src/engine/record/sum-before-pooling.js';
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

describe('sumBeforePooling', () => {
  /** Whole numbers: their sums are exact in any order. */
  const whole = (shape: number[], most: number): Tensor =>
    tf.tensor(
      Array.from({ length: tf.util.sizeFromShape(shape) }, (_, i) => (7 * i * i + 3 * i) % most),
      shape,
    );

  it.each([
    ['mixed_bfloat16', 2, 2, true],
    ['mixed_bfloat16', 3, 2, true],
    ['mixed_float16', 2, 2, true],
    ['float32', 2, 2, false],
  ] as const)(
    'of a bias of a pooled convolution in %s, windows of %i by %i',
    async (precision, size, stride, moves) => {
      const [x, filter, weights] = [whole([2, 6, 6, 1], 5), whole([1, 1, 1, 3], 3), whole([2, 3, 3, 3], 4)];
      const bias = tf.zeros([3]);
      const graph = await checkPass(sumBeforePooling, [x, filter as Tensor, weights, bias], () =>
        withPrecision(
          precision,
          () => false,
          () => {
            const pooled = (b: Tensor): Tensor =>
              tf.maxPool(biasAdd(tf.conv2d(x as never, filter as never, 1, 'same'), b) as never, size, stride, 'same');
            return [tf.grad((b) => tf.sum(tf.mul(pooled(b), weights)))(bias)];
          },
        ),
      );
      const summed = nodesOf(graph, moves ? 'Sum' : 'BiasAddGrad').map(({ inputs: [input] }) => input!.node.op);
      expect(summed.includes('MaxPoolGrad')).toBe(!moves);
      tf.dispose([x, filter, weights, bias]);
    },
  );
});
