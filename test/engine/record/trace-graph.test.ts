import { describe, expect, it } from '@jest/globals';
import { EngineError } from '../../../src/core/errors.js';
import { withPath, withPhase } from '../../../src/core/path-scope.js';
import { DATA_TYPES } from '../../../src/engine/ffi/data-types.js';
import { executeOp, attribute } from '../../../src/engine/execute-op.js';
import { recordGraph } from '../../../src/engine/record/recorded-function.js';
import type { RecordedGraph } from '../../../src/engine/record/recorded-graph.js';
import { traceGraph, type TracedOp } from '../../../src/engine/record/trace-graph.js';
import { tf, type Tensor } from '../../../src/engine/tfjs.js';
import { Variable } from '../../../src/engine/variable.js';
import { useTestEngine } from '../../helpers/engine.js';
import { alive, bitsOf } from '../../helpers/recording.js';

useTestEngine();

const SIZE = 256;
const MATRIX_BYTES = 4 * SIZE * SIZE;

/** A matrix product in layer `body/dense`, then one outside of layers, then their sum of squares. */
function products(): { x: Tensor; graph: RecordedGraph } {
  const x = tf.randomUniform([SIZE, SIZE], -1, 1, 'float32', 7);
  const graph = recordGraph([x], () => [
    tf.tidy(() => {
      const first = withPath('body', () => withPath('dense', () => tf.matMul(x, x)));
      const second = withPhase('backward', () => tf.matMul(first, x));
      return tf.sum(tf.square(second));
    }),
  ]);
  return { x, graph };
}

function opsOf(ops: readonly TracedOp[], kind: RegExp): TracedOp[] {
  return ops.filter(({ op }) => kind.test(op));
}

describe('traceGraph', () => {
  it('gives each op its layer, phase, time and memory', async () => {
    const { x, graph } = products();
    const { milliseconds, paths, traces } = await traceGraph('products', graph, [x], 2);
    expect([milliseconds.length, traces.length, paths]).toEqual([2, 2, ['', 'body/dense']]);
    expect(milliseconds.every((time) => time > 0)).toBe(true);
    for (const { ops } of traces) {
      const found = opsOf(ops, /MatMul/).sort((a, b) => a.startMicroseconds - b.startMicroseconds);
      expect(found.map(({ path, phase }) => [path, phase])).toEqual([
        ['body/dense', 'forward'],
        ['', 'backward'],
      ]);
      for (const { microseconds, bytes } of found) {
        expect(microseconds).toBeGreaterThan(0);
        expect(bytes).toBeGreaterThanOrEqual(MATRIX_BYTES);
      }
      expect(found[1]!.startMicroseconds).toBeGreaterThanOrEqual(found[0]!.startMicroseconds + found[0]!.microseconds);
      expect(Math.min(...ops.map(({ startMicroseconds }) => startMicroseconds))).toBe(0);
    }
    x.dispose();
  });

  it('finds the most memory that was held at once, and who held it', async () => {
    const { x, graph } = products();
    const [{ peakBytes, ops }] = (await traceGraph('products', graph, [x], 1)).traces as [
      { peakBytes: number; ops: TracedOp[] },
    ];
    // Both products exist at once, and nothing else is as large: the square is written over its input.
    expect(peakBytes).toBeGreaterThanOrEqual(2 * MATRIX_BYTES);
    expect(peakBytes).toBeLessThan(4 * MATRIX_BYTES);
    expect(ops.reduce((sum, { bytesAtPeak }) => sum + bytesAtPeak, 0)).toBe(peakBytes);
    x.dispose();
  });

  it('maps an op that TensorFlow fused to the layer of its parts', async () => {
    const x = tf.randomUniform([32, 16], -1, 1, 'float32', 3);
    const kernel = tf.randomUniform([16, 8], -1, 1, 'float32', 4);
    const bias = tf.ones([8]);
    const graph = recordGraph([x, kernel, bias], () => [
      tf.tidy(() =>
        withPath('dense', () => {
          const product = executeOp('MatMul', [attribute.type('T', 'float32')], [x, kernel])[0]!;
          const sum = executeOp('BiasAdd', [attribute.type('T', 'float32')], [product, bias])[0]!;
          return tf.relu(sum);
        }),
      ),
    ]);
    const { traces } = await traceGraph('fused', graph, [x, kernel, bias], 1);
    const { ops } = traces[0]!;
    expect(opsOf(ops, /Fused.*MatMul/).map(({ path, phase }) => [path, phase])).toEqual([['dense', 'forward']]);
    expect(opsOf(ops, /^(MatMul|BiasAdd|Relu)$/)).toEqual([]);
    tf.dispose([x, kernel, bias]);
  });

  it('runs on the values of the variables, names them and writes nothing back', async () => {
    const one = tf.tensor1d([1, 0.1, 3e-8]);
    const variable = Variable.create('layer/counter', one);
    const before = variable.read();
    const graph = recordGraph([], () => [
      tf.tidy(() => {
        const value = variable.read();
        variable.assignAdd(one);
        // Stops the run where the session's variable is not at least what the real one is.
        const loaded = tf.all(tf.greaterEqual(value, before));
        executeOp('Assert', [attribute.type('T', ['float32']), attribute.int('summarize', 3)], [loaded, value], 0);
        return tf.sum(value);
      }),
    ]);
    const { traces } = await traceGraph('counter', graph, [], 3);
    const adds = traces.flatMap(({ ops }) => opsOf(ops, /^AssignAddVariableOp$/));
    expect(adds.map((op) => op.variable)).toEqual(['layer/counter', 'layer/counter', 'layer/counter']);
    const after = variable.read();
    expect(bitsOf(after)).toBe(bitsOf(before));
    tf.dispose([one, before, after]);
    variable.dispose();
  });

  it('leaves nothing behind', async () => {
    const { x, graph } = products();
    const before = alive();
    await traceGraph('products', graph, [x], 1);
    expect(alive()).toEqual(before);
    x.dispose();
  });

  it('leaves nothing behind where the run fails, and says what failed', async () => {
    const x = tf.scalar(0);
    const graph = recordGraph([x], () => [tf.tidy(() => tf.add(x, 1))]);
    const broken = {
      ...graph,
      nodes: [
        ...graph.nodes,
        {
          op: 'Assert',
          attributes: [attribute.type('T', ['float32']), attribute.int('summarize', 3)],
          inputs: [
            { node: falseConstant(), index: 0 },
            { node: graph.arguments[0]!, index: 0 },
          ],
          controls: [],
          outputs: [],
          path: '',
          phase: 'forward' as const,
        },
      ],
    };
    broken.nodes.splice(-1, 0, broken.nodes.at(-1)!.inputs[0]!.node);
    const before = alive();
    const failure = await traceGraph('broken', broken, [x], 1).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(EngineError);
    expect((failure as EngineError).message).toMatch(/trace of broken[^]*assertion failed/);
    expect(alive()).toEqual(before);
    x.dispose();
  });
});

function falseConstant(): RecordedGraph['nodes'][number] {
  const spec = { type: DATA_TYPES.bool, shape: [] };
  const constant = { ...spec, content: Uint8Array.of(0) };
  return {
    op: 'Const',
    attributes: [],
    inputs: [],
    controls: [],
    outputs: [spec],
    path: '',
    phase: 'forward',
    constant,
  };
}
