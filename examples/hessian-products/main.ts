// What products with a Hessian are good for: its extreme eigenvalues, and Hessian-free training. Run it with
// `node scripts/run-example.mjs hessian-products`.
import {
  conjugateGradients,
  fisherVectorProduct,
  grad,
  hvp,
  normal,
  recorded,
  rngKey,
  startEngine,
  tf,
  type Tensor,
} from 'adjoint';
import { Command, InvalidArgumentError } from 'commander';
import { makeAutoencoder } from './autoencoder.js';

const CONJUGATE_GRADIENT_STEPS = 30;
const MOST_POWER_STEPS = 500;
/** How far from an eigenvalue the estimate may lie, as a part of the largest one. */
const CLOSE = 1e-3;
/** Counted generously: a Gauss-Newton product runs along the tangent and back, a gradient forward and back. */
const GRADIENTS_A_PRODUCT = 2;
/** What Hessian-free training must leave of the loss that gradient descent reaches with as much work. */
const MOST_OF_DESCENT = 0.9;

const wholeNumber = (text: string): number => {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new InvalidArgumentError('expected a whole number of at least 0');
};

const { smoke = false, seed } = new Command('hessian-products')
  .description(
    'Finds the extreme eigenvalues of a Hessian that is never formed, and trains an autoencoder Hessian-free.',
  )
  .option('--seed <n>', 'seed of digits and weights', wholeNumber, 1)
  .option('--smoke', 'few images and steps; no verdict on what training reaches')
  .parse()
  .opts<{ smoke?: boolean; seed: number }>();

const numberIn = (tensor: Tensor): number => tensor.dataSync()[0]!;

async function main(): Promise<void> {
  const engine = startEngine();
  const { initial, outputs, error, loss, dispose } = makeAutoencoder(smoke ? 100 : 500, seed);
  console.log(`TensorFlow ${engine.version} on ${engine.device}; an autoencoder of ${initial.size} weights.`);
  const lossAt = recorded(loss);

  // Power iteration on H - shift, whose eigenvalues are those of H, moved: the one farthest from zero wins.
  const powerStep = recorded((weights: Tensor, shift: Tensor, vector: Tensor) => {
    const { product } = hvp(loss, weights, vector);
    const eigenvalue = tf.sum(tf.mul(vector, product));
    // No symmetric matrix has its nearest eigenvalue farther away than this.
    const distance = tf.norm(tf.sub(product, tf.mul(eigenvalue, vector)));
    const moved = tf.sub(product, tf.mul(shift, vector));
    const size = tf.norm(moved);
    return { vector: tf.div(moved, size), eigenvalue, distance, size };
  });
  const extremeEigenvalue = async (weights: Tensor, shiftBy = 0) => {
    const shift = tf.scalar(shiftBy);
    const drawn = Float32Array.from(normal(rngKey(seed, 'power iteration'), weights.size));
    let vector: Tensor = tf.tidy(() => tf.div(drawn, tf.norm(drawn)));
    for (let products = 1; ; products++) {
      const next = await powerStep(weights, shift, vector);
      const [eigenvalue, distance, size] = [next.eigenvalue, next.distance, next.size].map(numberIn);
      tf.dispose([next.eigenvalue, next.distance, next.size, vector]);
      vector = next.vector;
      if (distance! > CLOSE * size! && products < MOST_POWER_STEPS) continue;
      shift.dispose();
      return { value: eigenvalue!, distance: distance!, close: distance! <= CLOSE * size!, vector, products };
    }
  };
  const top = await extremeEigenvalue(initial);
  const bottom = await extremeEigenvalue(initial, top.value);
  for (const [name, { value, distance, products }] of Object.entries({ largest: top, smallest: bottom })) {
    console.log(`${name} eigenvalue ${value.toFixed(3)}, within ${distance.toFixed(3)}, by ${products} products`);
  }

  // The curvature is the Gauss-Newton matrix: unlike the Hessian, whose smallest eigenvalue is negative, it is never
  // negative along any direction, as conjugate gradients ask for. The damping keeps the step where the model holds.
  const hessianFreeStep = recorded((weights: Tensor, damping: Tensor) => {
    const gradient = grad(loss)(weights);
    const curvature = (v: Tensor): Tensor => fisherVectorProduct(outputs, error, weights, v);
    const damped = (v: Tensor): Tensor => tf.add(curvature(v), tf.mul(damping, v));
    const step = conjugateGradients(damped, tf.neg(gradient), { iterations: CONJUGATE_GRADIENT_STEPS });
    const next = tf.add(weights, step);
    const linear = tf.sum(tf.mul(gradient, step));
    const promised = tf.add(linear, tf.mul(0.5, tf.sum(tf.mul(step, curvature(step)))));
    return { next, promised, gained: tf.sub(loss(next), loss(weights)) };
  });
  const steps = smoke ? 3 : 40;
  let weights = initial.clone();
  let damping = 1;
  for (let i = 0; i < steps; i++) {
    const dampingTensor = tf.scalar(damping);
    const { next, promised, gained } = await hessianFreeStep(weights, dampingTensor);
    const kept = numberIn(gained) / numberIn(promised);
    const better = numberIn(gained) < 0;
    tf.dispose([dampingTensor, promised, gained, better ? weights : next]);
    if (better) weights = next;
    // Levenberg and Marquardt: trust the model farther out where it keeps what it promised.
    if (!better || kept < 0.25) damping *= 4;
    else if (kept > 0.75) damping /= 2;
  }
  const lossOf = async (at: Tensor): Promise<number> => {
    const value = await lossAt(at);
    const result = numberIn(value);
    value.dispose();
    return result;
  };
  const reached = await lossOf(weights);
  console.log(
    `loss ${(await lossOf(initial)).toFixed(4)} at first, ${reached.toFixed(4)} after ${steps} Hessian-free steps`,
  );

  const descentStep = recorded((at: Tensor, rate: Tensor) => tf.sub(at, tf.mul(rate, grad(loss)(at))));
  const descend = async (from: Tensor, rate: number, count: number): Promise<number> => {
    const rateTensor = tf.scalar(rate);
    let at = from.clone();
    for (let i = 0; i < count; i++) {
      const next = await descentStep(at, rateTensor);
      at.dispose();
      at = next;
    }
    const result = await lossOf(at);
    tf.dispose([at, rateTensor]);
    return result;
  };
  const count = steps * (CONJUGATE_GRADIENT_STEPS + 1) * GRADIENTS_A_PRODUCT;
  const descents = new Map<number, number>();
  for (const factor of [1, 2, 4]) descents.set(factor, await descend(initial, factor / top.value, count));
  const best = Math.min(...[...descents.values()].filter(Number.isFinite));
  const list = [...descents].map(([factor, value]) => `${value.toFixed(4)} at rate ${factor} / largest eigenvalue`);
  console.log(`as much work in ${count} steps of gradient descent: ${list.join(', ')}`);

  // What the largest eigenvalue means: near a minimum gradient descent converges at rates below 2 / eigenvalue only.
  const sharpness = await extremeEigenvalue(weights);
  const aside = tf.tidy(() => tf.add(weights, tf.mul(0.01, sharpness.vector)));
  const [start, below, above] = [
    await lossOf(aside),
    await descend(aside, 1.8 / sharpness.value, 20),
    await descend(aside, 2.2 / sharpness.value, 20),
  ];
  console.log(
    `there the largest eigenvalue is ${sharpness.value.toFixed(3)}; 20 steps from a point aside take the loss from ` +
      `${start.toFixed(4)} to ${below.toFixed(4)} at rate 1.8 / eigenvalue, to ${above.toFixed(4)} at 2.2 / eigenvalue`,
  );

  const eigenvaluesRight = [top, bottom, sharpness].every(({ close }) => close) && bottom.value < 0;
  const limitRight = below < start && above > start;
  const works = eigenvaluesRight && (smoke || (limitRight && reached < MOST_OF_DESCENT * best));
  const ofTraining =
    `the stable rate ends at 2 / eigenvalue, Hessian-free leaves ${((100 * reached) / best).toFixed(0)} % of gradient ` +
    `descent's loss, at most ${100 * MOST_OF_DESCENT} % wanted`;
  console.log(
    `Verdict: ${works ? 'ok' : 'FAILED'} (eigenvalues to ${CLOSE} of the largest${smoke ? '' : `, ${ofTraining}`})`,
  );
  if (!works) process.exitCode = 1;

  tf.dispose([top.vector, bottom.vector, sharpness.vector, aside, weights]);
  for (const fn of [lossAt, powerStep, hessianFreeStep, descentStep]) fn.dispose();
  dispose();
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
