import { describe, expect, it } from '@jest/globals';
import '../../src/container.js';
import { drawLayerGraph } from '../../src/debug/report/draw-layer-graph.js';
import { layerGraph, type LayerGraph } from '../../src/debug/report/layer-graph.js';
import { recordSteadily } from '../../src/engine/record/record-steadily.js';
import { tf, type Tensor } from '../../src/engine/tfjs.js';
import type { CallContext } from '../../src/layers/call-context.js';
import { Child } from '../../src/layers/declarations.js';
import { layers } from '../../src/layers/layers.js';
import { BaseModel } from '../../src/model/base-model.js';
import { Model } from '../../src/model/declarations.js';
import { useTestEngine } from '../helpers/engine.js';

@Model('test/shared-towers')
class SharedTowers extends BaseModel {
  @Child() tower = layers.dense({ units: 4 });
  @Child() head = layers.dense({ units: 1 });
  call(x: Tensor, context?: CallContext): Tensor {
    const once = this.tower.call(x, context);
    // The same layer again, and an op between layers.
    const twice = this.tower.call(tf.mul(once, 2), context);
    return this.head.call(tf.add(once, twice), context);
  }
}

function graphOf(model: SharedTowers, width: number): LayerGraph {
  const x = tf.ones([2, width]);
  model.build([null, width]);
  const graph = recordSteadily([x], () => tf.tidy(() => [model.call(x)]));
  x.dispose();
  model.dispose();
  return layerGraph(graph, ['x']);
}

const named = ({ boxes, edges }: LayerGraph): string[] =>
  edges.map(({ from, to, shape }) => {
    const [before, after] = [from, to].map((i) => boxes[i]!.label || boxes[i]!.ops.join('+'));
    return `${before} > ${after} ${shape.join('x')}`;
  });

describe('the graph of layers', () => {
  useTestEngine();

  it('joins the ops of a layer, and keeps ops between layers apart', () => {
    expect(named(graphOf(new SharedTowers(), 4))).toEqual([
      'x > tower 2x4',
      'tower > Mul 2x4',
      'Mul > tower 2x4',
      'tower > Add 2x4',
      'Add > head 2x4',
    ]);
  });

  it('is drawn with every box once, every shape, and words escaped', () => {
    const graph: LayerGraph = {
      boxes: [
        { path: '', label: 'x', ops: [] },
        { path: '<b>', label: '<b>', ops: ['MatMul'] },
        { path: 'c', label: 'c', ops: ['Add'] },
        { path: '', label: '', ops: ['Mean'] },
      ],
      edges: [
        { from: 0, to: 1, shape: [2, 3] },
        { from: 1, to: 2, shape: [2, 4] },
        { from: 0, to: 2, shape: [2, 5] },
        { from: 2, to: 3, shape: [] },
        { from: 2, to: 1, shape: [2, 6] },
      ],
    };
    const { text } = drawLayerGraph(
      graph,
      new Map([
        ['<b>', 1e-5],
        ['c', NaN],
      ]),
    );
    expect(text.match(/<rect/g)).toHaveLength(4);
    expect(text.match(/<path/g)).toHaveLength(5);
    for (const words of [
      '[2, 3]',
      '[2, 4]',
      '[2, 5]',
      '[]',
      '[2, 6]',
      '∂ 1.00e-5',
      '∂ NaN',
      'loss and metrics',
      '&#60;b&#62;',
    ]) {
      expect([words, text.includes(words)]).toEqual([words, true]);
    }
    expect(/NaN [\d-]|[ML]NaN|"NaN"|<b>/.test(text)).toBe(false);
  });
});
