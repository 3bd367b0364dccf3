import './src/container.js';
import { attribute, executeOp } from './src/engine/execute-op.js';
import { tf } from './src/engine/tfjs.js';
import { inFloat32, withPrecision } from './src/engine/precision/mixed-precision.js';
import { traceGraph } from './src/engine/record/trace-graph.js';
import { recordGraph } from './src/engine/record/recorded-function.js';
const [M, K, N] = process.argv.slice(2).map(Number) as [number, number, number];
for (const precision of ['float32', 'mixed_bfloat16'] as const) for (const [ta, tb] of [[false, false], [false, true], [true, false]] as const) {
  const a = tf.randomNormal(ta ? [K, M] : [M, K]), b = tf.randomNormal(tb ? [N, K] : [K, N]);
  const res: Record<string, number> = {};
  for (const op of ['MatMul', 'BatchMatMulV2']) {
    const graph = recordGraph([a, b], () => tf.tidy(() => withPrecision(precision, () => false, () => {
      const at = op === 'MatMul' ? [attribute.bool('transpose_a', ta), attribute.bool('transpose_b', tb)] : [attribute.bool('adj_x', ta), attribute.bool('adj_y', tb)];
      return [executeOp(op, [attribute.type('T', 'float32'), ...at], [a, b])[0]!];
    })));
    // keep the pass from replacing
    const t = await traceGraph('m', graph, [a, b], 25);
    const ms = t.traces.map((tr) => tr.ops.filter((o) => /MatMul/.test(o.op)).reduce((s, o) => s + o.microseconds, 0) / 1000);
    const names = [...new Set(t.traces[0]!.ops.map((o) => o.op))].filter((o) => /MatMul/.test(o)).join('');
    res[`${op}(${names})`] = Math.min(...ms);
  }
  console.log(precision, ta, tb, res);
}
process.exit(0);
