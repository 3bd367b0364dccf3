import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import '../../src/container.js';
import { consoleLogger } from '../../src/core/logger.js';
import { parseOptions } from '../../src/core/parse-options.js';
import { currentServices } from '../../src/core/services.js';
import { DATA_TYPES } from '../../src/engine/ffi/data-types.js';
import { encodeGraphDef } from '../../src/engine/record/graph-def.js';
import type { GraphNode, RecordedGraph } from '../../src/engine/record/recorded-graph.js';
import { engine } from '../../src/engine/start-engine.js';
import { tf } from '../../src/engine/tfjs.js';
import { layers } from '../../src/layers/layers.js';
import { CompileOptions } from '../../src/model/compile-options.js';
import { compilePlan } from '../../src/model/compile-plan.js';
import { sequential } from '../../src/model/sequential.js';
import { RecordedRunner } from '../../src/training/recorded-runner.js';
import { TrainState } from '../../src/training/train-state.js';
import { useTestEngine } from '../helpers/engine.js';
import { KERNEL_CASES } from '../helpers/kernel-cases.js';

useTestEngine();

const PAGE = new URL('../../docs/recorded-step.md', import.meta.url);
const BLOCK = /(<!-- graph: written by test\/docs\/recorded-step\.test\.ts -->\n\n```text\n)([^]*?)(\n```)/;

/** The recorded step of a dense layer of 2 units on batches of 4, by plain gradient descent on the squared error. */
async function recordStep(): Promise<RecordedGraph> {
  const model = sequential([layers.dense({ units: 2, useBias: false })]);
  const options = parseOptions(CompileOptions, { optimizer: 'sgd', loss: 'meanSquaredError' }, 'the page');
  const plan = compilePlan(options, currentServices(), 'the page');
  model.build([null, 3]);
  const state = new TrainState(model, plan);
  const runner = new RecordedRunner(model, plan, consoleLogger);
  const [x, y] = [tf.ones([4, 3]), tf.ones([4, 2])];
  await runner.train(state, [{ x, y, size: 4 }], { gated: false, fetchLogs: true });
  const [recorded] = [...runner['recordings'].values()];
  tf.dispose([x, y]);
  runner.dispose();
  state.dispose();
  model.dispose();
  return recorded!.once.graph;
}

function format(graph: RecordedGraph): string {
  const { names } = encodeGraphDef(graph, engine().backend.binding);
  const typeNames = new Map<number, string>(Object.entries(DATA_TYPES).map(([name, type]) => [type, name]));
  const rows = graph.nodes.map((node) => {
    const shapes = node.outputs.map(({ type, shape }) => `${typeNames.get(type)} [${shape.join(', ')}]`).join(', ');
    const inputs = node.inputs.map(({ node: input }) => names.get(input)!);
    const controls = node.controls.map((control) => `after ${names.get(control)!}`);
    return [names.get(node)!, shapes, [...about(node, graph), ...inputs, ...controls].join(', ')] as const;
  });
  const results = graph.results.map(({ node }) => names.get(node)!);
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  return [
    ...rows.map(([name, shapes, rest]) =>
      `${name.padEnd(widths[0]!)}  ${shapes.padEnd(widths[1]!)}  ${rest}`.trimEnd(),
    ),
    `result: ${results.join(', ')}`,
  ].join('\n');
}

function about(node: GraphNode, graph: RecordedGraph): string[] {
  if (node.op === 'Placeholder') return [`argument ${graph.arguments.indexOf(node)}`];
  if (node.op === 'VarHandleOp') {
    const name = String(node.attributes.find((attribute) => attribute.name === 'shared_name')!.value);
    // What follows the # differs from run to run.
    return [`variable "${name.split('#')[0]!}"`];
  }
  if (node.constant === undefined) return [];
  const { type, content } = node.constant;
  const { buffer } = Uint8Array.from(content as Uint8Array);
  const values = type === DATA_TYPES.float32 ? new Float32Array(buffer) : new Int32Array(buffer);
  return [`value ${Array.from(values, (value) => String(value)).join(' ')}`];
}

it('shows the graph as it is', async () => {
  const graph = format(await recordStep());
  const page = readFileSync(PAGE, 'utf8');
  expect(page).toMatch(BLOCK);
  // Written anew with UPDATE_DOCS=1.
  if (process.env.UPDATE_DOCS === '1')
    writeFileSync(
      PAGE,
      page.replace(BLOCK, (_, start, __, end) => `${start}${graph}${end}`),
    );
  const shown = BLOCK.exec(readFileSync(PAGE, 'utf8'))![2];
  expect(shown).toBe(graph);
});

it('names every kind of refusal, and counts kernels rightly', () => {
  const page = readFileSync(PAGE, 'utf8');
  const source = readFileSync(new URL('../../src/engine/record/trace-errors.ts', import.meta.url), 'utf8');
  const kinds = [...source.matchAll(/new TraceError\('([\w-]+)'/g)].map(([, kind]) => kind!);
  expect(kinds.length).toBeGreaterThan(5);
  for (const kind of kinds) expect(page).toContain(`\`${kind}\``);
  expect(page).toContain(`${Object.keys(KERNEL_CASES).length} kernels`);
});
