import {
  BaseModel,
  Child,
  integers,
  layers,
  Model,
  normal,
  stopGradient,
  tf,
  uniform,
  type BaseLayer,
  type CallContext,
  type Tensor,
} from 'adjoint';
import { floats, type Labelled } from './data.js';
import type { Draw } from './draw.js';

const run = (chain: readonly BaseLayer[], x: Tensor, context: CallContext): Tensor =>
  chain.reduce((value, layer) => layer.call(value, context), x);

/** Tells by the distance of two codes, made by one encoder, whether two rows are of one kind. */
@Model('suite/pairs')
export class Pairs extends BaseModel {
  @Child() encoder: BaseLayer[];
  @Child() judge: BaseLayer[];

  constructor(
    width: number,
    code: number,
    private readonly detached: 'second' | 'both',
  ) {
    super();
    this.encoder = [layers.dense({ units: width, activation: 'silu' }), layers.dense({ units: code })];
    this.judge = [layers.dense({ units: 16, activation: 'silu' }), layers.dense({ units: 1 })];
  }

  call(x: Tensor, context: CallContext): Tensor {
    const [first, second] = tf.split(x, 2, 1).map((side) => run(this.encoder, side, context)) as [Tensor, Tensor];
    const asked = this.detached === 'both' ? stopGradient(first) : first;
    return run(this.judge, tf.squaredDifference(asked, stopGradient(second)), context);
  }
}

/** Two noisy rows side by side; the label says whether they are of one kind, as half of the pairs are. */
export function pairsOfKinds(draw: Draw, rows: number, features: number, kinds: number): Labelled {
  const centres = normal(draw.key('centres'), kinds * features);
  const noise = normal(draw.key('noise'), 2 * rows * features);
  const first = integers(draw.key('first'), rows, 0, kinds);
  const away = integers(draw.key('away'), rows, 1, kinds);
  const same = uniform(draw.key('same'), rows).map((value) => (value < 0.5 ? 1 : 0));
  const x = noise.map((value, i) => {
    const [row, feature] = [Math.floor(i / (2 * features)), i % features];
    const isSecond = i % (2 * features) >= features;
    const kind = isSecond && same[row] === 0 ? (first[row]! + away[row]!) % kinds : first[row]!;
    return 0.6 * centres[kind * features + feature]! + 0.8 * value;
  });
  return { x: floats(x, rows, 2 * features), y: floats(same, rows, 1) };
}
