// Learning from one's own predictions, with and without `stopGradient`: `node scripts/run-example.mjs target-network`.
import { Adam, grad, startEngine, stopGradient, tf, type Tensor } from 'adjoint';
import { Command } from 'commander';
import { Values, type Target } from './values.js';
import { allPlaces, allRows, smoothestValue, trueValue, walkSteps } from './walk.js';

const SEED = 1;
const STEPS_OF_THE_WALK = 20_000;
/** How near the learnt values have to come, which lie between 0 and 1; the steps were drawn by chance. */
const NEAR = 0.05;

const { smoke = false } = new Command('target-network')
  .description('Learns the values of a random walk by temporal differences, with and without stopGradient.')
  .option('--smoke', 'few steps and no verdict on the values')
  .parse()
  .opts<{ smoke?: boolean }>();

const steps = walkSteps(smoke ? 512 : STEPS_OF_THE_WALK, SEED);

async function learn(kind: Target): Promise<{ values: number[]; mode: string }> {
  const model = new Values(kind);
  model.compile({ optimizer: new Adam({ learningRate: 1e-3 }), seed: SEED });
  const { mode } = await model.fit(steps, { epochs: smoke ? 1 : 60, batchSize: 250, verbose: 0 });
  const predicted = await model.predict(allRows);
  const values = [...predicted.dataSync()];
  tf.dispose(predicted);
  model.dispose();
  return { values, mode: mode.at(-1)! };
}

function worstDistance(values: readonly number[], wanted: (place: number) => number): number {
  return Math.max(...allPlaces.map((place, i) => Math.abs(values[i]! - wanted(place))));
}

/** The slope of `(v - (1 + next / 2))^2` at `v = next = 0`: with `next` moving along, and with it held. */
function slopes(): { whole: number; held: number } {
  const squaredError = (v: Tensor, next: Tensor): Tensor => tf.square(tf.sub(v, tf.add(1, tf.div(next, 2))));
  const [whole, held] = tf.tidy(() => {
    const zero = tf.scalar(0);
    const ofBoth = grad((v: Tensor) => squaredError(v, v))(zero);
    const ofFirst = grad((v: Tensor) => squaredError(v, stopGradient(v)))(zero);
    return [ofBoth.dataSync()[0]!, ofFirst.dataSync()[0]!];
  });
  return { whole: whole!, held: held! };
}

async function main(): Promise<void> {
  const engine = startEngine();
  console.log(`TensorFlow ${engine.version} on ${engine.device}; ${steps.x.length} steps of a walk.`);
  const { whole, held } = slopes();
  console.log(`Slope of (v - (1 + next / 2))^2 at 0: ${whole} with next = v, ${held} with stopGradient(v).\n`);
  const line = (title: string, values: readonly number[], rest = ''): void =>
    console.log(`${title.padEnd(24)} ${values.map((value) => value.toFixed(2)).join('  ')}  ${rest}`.trimEnd());
  line('truth', allPlaces.map(trueValue));

  const learnt = new Map<Target, number[]>();
  for (const kind of ['target network', 'itself, stopGradient', 'itself, no stopGradient'] as const) {
    const { values, mode } = await learn(kind);
    learnt.set(kind, values);
    line(kind, values, `off by ${worstDistance(values, trueValue).toFixed(3)} (${mode})`);
  }
  line('smoothest values', allPlaces.map(smoothestValue));

  const byTarget = worstDistance(learnt.get('target network')!, trueValue);
  const byItself = worstDistance(learnt.get('itself, stopGradient')!, trueValue);
  const unstopped = learnt.get('itself, no stopGradient')!;
  const astray = worstDistance(unstopped, trueValue);
  const toSmoothest = worstDistance(unstopped, smoothestValue);
  const slopesRight = whole === -1 && held === -2;
  const works = slopesRight && (smoke || Math.max(byTarget, byItself, toSmoothest) < NEAR);
  console.log(
    smoke
      ? `Verdict: ${works ? 'ok' : 'FAILED'} (slopes ${whole} and ${held}, -1 and -2 wanted)`
      : `Verdict: ${works ? 'ok' : 'FAILED'} (target network off by ${byTarget.toFixed(3)}, stopGradient alone by ` +
          `${byItself.toFixed(3)}, at most ${NEAR} wanted; without it by ${astray.toFixed(3)}, by ${toSmoothest.toFixed(3)} from the smoothest)`,
  );
  if (!works) process.exitCode = 1;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
