// How strongly to regularise, found by a gradient: through the solution of ridge regression, not through the solver. Run it
// with `node scripts/run-example.mjs implicit-ridge`.
import {
  conjugateGradients,
  customRoot,
  grad,
  gradcheck,
  hessian,
  startEngine,
  tf,
  valueAndGrad,
  type Tensor,
} from 'adjoint';
import { Command, InvalidArgumentError } from 'commander';
import { drawExamples, FEATURES, type Examples } from './data.js';

/** Relative difference of gradients in float32 that counts as equal. */
const AGREE = 1e-4;
const RIGHT = 1e-7;

const wholeNumber = (text: string): number => {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new InvalidArgumentError('expected a whole number of at least 0');
};

const { smoke = false, seed } = new Command('implicit-ridge')
  .description("Finds ridge regression's hyperparameter by implicit differentiation.")
  .option('--seed <n>', 'seed of the data', wholeNumber, 1)
  .option('--smoke', 'fewer steps')
  .parse()
  .opts<{ smoke?: boolean; seed: number }>();

const train = drawExamples(50, seed, 'train');
const validation = drawExamples(200, seed, 'validation');
const test = drawExamples(2000, seed, 'test');

const meanSquare = (w: Tensor, { x, y }: Examples): Tensor =>
  tf.mul(0.5, tf.mean(tf.square(tf.sub(tf.matMul(x, w as tf.Tensor2D), y))));

/** The inner problem: the penalty of each feature is the exponential of what is learnt, hence positive. */
const innerLoss = (w: Tensor, logPenalty: Tensor): Tensor =>
  tf.add(meanSquare(w, train), tf.mul(0.5, tf.sum(tf.mul(tf.exp(logPenalty), tf.square(w)))));

const slope = grad(innerLoss);
const fitted = customRoot(
  (w: Tensor, logPenalty: Tensor) => slope(w, logPenalty),
  (logPenalty: Tensor) => {
    const zero = tf.zeros([FEATURES, 1]);
    const product = (v: Tensor): Tensor => tf.sub(slope(v, logPenalty), slope(zero, logPenalty));
    return conjugateGradients(product, tf.neg(slope(zero, logPenalty)));
  },
  { linearSolver: conjugateGradients },
);
const outer = (logPenalty: Tensor): Tensor => meanSquare(fitted(logPenalty), validation);
startEngine();
const num = (t: Tensor) => t.dataSync()[0]!;
for (const v of [-4, -2, -1, 0, 1]) {
  const at = tf.scalar(v);
  const { value, gradient } = valueAndGrad(outer)(at);
  console.log(v, num(value), num(gradient), num(hessian(outer)(at)), num(meanSquare(fitted(at), test)));
}
let t = performance.now();
console.log(String(gradcheck(outer, [tf.scalar(-1)])), performance.now() - t);
t = performance.now();
let theta: Tensor = tf.scalar(0);
for (let i = 0; i < 8; i++) {
  const g = grad(outer)(theta), h = hessian(outer)(theta);
  console.log(num(theta), num(outer(theta)), num(g), num(h));
  theta = tf.sub(theta, tf.div(g, tf.abs(h)));
}
console.log(performance.now() - t, num(meanSquare(fitted(theta), test)));
let many: Tensor = tf.fill([FEATURES, 1], num(theta));
t = performance.now();
for (let i = 0; i < 60; i++) {
  const { value, gradient } = valueAndGrad(outer)(many);
  if (i % 10 === 0) console.log(i, num(value), num(tf.norm(gradient)), performance.now() - t, num(meanSquare(fitted(many), test)));
  many = tf.sub(many, tf.mul(20, gradient));
}
console.log([...many.dataSync()].map((x) => x.toFixed(1)).join(' '));
