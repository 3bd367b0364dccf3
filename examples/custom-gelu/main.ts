// A GELU with a gradient of its own, checked and trained with: `node scripts/run-example.mjs custom-gelu`.
import {
  BaseLayer,
  BaseModel,
  Child,
  gradcheck,
  gradgradcheck,
  handwrittenDigits,
  Layer,
  layers,
  Model,
  SparseCategoricalCrossentropy,
  tf,
  type CallContext,
  type Tensor,
} from 'adjoint';
import { Command } from 'commander';
import { gelu } from './gelu.js';

/** What the two forms of one function may differ by in float32: a few roundings. */
const SAME = 1e-6;
const TOLERANCE = 1e-7;
/** A tenth is what guessing reaches. */
const LEAST_ACCURACY = 0.8;

const { smoke } = new Command('custom-gelu')
  .description('Checks a GELU with a gradient of its own in float64, and trains a small network with it.')
  .option('--smoke', 'few digits and no verdict on the accuracy')
  .parse()
  .opts<{ smoke?: boolean }>();

@Layer('example/gelu')
class Gelu extends BaseLayer {
  call(x: Tensor): Tensor {
    return gelu(x);
  }
}

@Model('example/gelu-digits')
class GeluDigits extends BaseModel {
  @Child() flatten = layers.flatten();
  @Child() hidden = layers.dense({ units: 64 });
  @Child() activation = new Gelu();
  @Child() head = layers.dense({ units: 10 });

  call(x: Tensor, context: CallContext): Tensor {
    const hidden = this.hidden.call(this.flatten.call(x, context), context);
    return this.head.call(this.activation.call(hidden), context);
  }
}

/** The same function without a rule: its gradient is that of each operation in turn. */
function plainGelu(x: Tensor): Tensor {
  const cubed = tf.mul(x, tf.square(x));
  const inner = tf.mul(Math.sqrt(2 / Math.PI), tf.add(x, tf.mul(0.044715, cubed)));
  return tf.mul(tf.mul(0.5, x), tf.add(1, tf.tanh(inner)));
}

async function main(): Promise<void> {
  const x = tf.linspace(-5, 5, 41);
  const [first, second] = [gradcheck(gelu, [x]), gradgradcheck(gelu, [x])];
  console.log(
    `rule against differences in float64: first order ${first.error.toExponential(1)}, second order ${second.error.toExponential(1)}`,
  );
  const distance = tf.tidy(() => {
    const [ruled, plain] = [gelu, plainGelu].map((fn) => tf.grad((at) => tf.sum(fn(at)))(x));
    return tf.max(tf.abs(tf.sub(ruled!, plain!))).dataSync()[0]!;
  });
  console.log(`rule against the gradient of the composed form in float32: ${distance.toExponential(1)}`);
  x.dispose();

  const digits = handwrittenDigits(smoke === true ? { train: 256, test: 64 } : { train: 4000, test: 500 });
  const model = new GeluDigits();
  model.compile({
    optimizer: 'adam',
    loss: new SparseCategoricalCrossentropy({ fromLogits: true }),
    metrics: ['accuracy'],
  });
  const { mode } = await model.fit(digits.train, { epochs: smoke === true ? 1 : 6, batchSize: 64, verbose: 0 });
  const { accuracy } = await model.evaluate(digits.test);
  console.log(`trained with it (${mode.at(-1)}): test accuracy ${accuracy!.toFixed(4)}`);
  model.dispose();

  const right = first.passed && second.passed && Math.max(first.error, second.error) < TOLERANCE && distance < SAME;
  const works = right && (smoke === true || accuracy! >= LEAST_ACCURACY);
  console.log(
    `Verdict: ${works ? 'ok' : 'FAILED'} (errors below ${TOLERANCE}${smoke === true ? '' : `, accuracy from ${LEAST_ACCURACY}`})`,
  );
  if (!works) process.exitCode = 1;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
