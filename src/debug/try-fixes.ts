import { normal, RngKey } from '../core/rng-key.js';
import type { Batch } from '../data/example.js';
import { BinaryCrossentropy } from '../losses/binary-crossentropy.js';
import { CategoricalCrossentropy } from '../losses/categorical-crossentropy.js';
import { SparseCategoricalCrossentropy } from '../losses/sparse-categorical-crossentropy.js';
import { clipByGlobalNorm } from '../optimizers/clip-by-global-norm.js';
import { ConstantSchedule } from '../optimizers/schedules/constant-schedule.js';
import type { TrainingPlan } from '../training/training-plan.js';
import type { WeightSnapshot } from '../training/weight-snapshot.js';
import type { CauseName, DoctorFinding } from './diagnoses/diagnosis.js';
import { rateOf } from './diagnoses/learning-rate-trial.js';
import { attempt, meanOf, type Evidence } from './evidence.js';
import { formatNumber } from './statistics.js';
import { trialTraining } from './trial-training.js';

/** So few steps tell whether a loss comes down at all. */
const STEPS = 40;
/** Of what the run as it is takes off its first loss. */
const HELPS = 1.5;

/** What is changed in a trial. */
interface Change {
  readonly name: string;
  readonly plan?: Partial<TrainingPlan>;
  readonly weights?: WeightSnapshot;
  readonly batches?: readonly Batch[];
}

/** A fix, and what a short training with it came to. */
export interface TriedFix {
  readonly name: string;
  readonly first: number;
  /** Mean of the last quarter; infinite where the loss was not finite. */
  readonly last: number;
  /** Whether the loss comes down as it does not without. */
  readonly helps: boolean;
}

/** Makes every fix that can be made by itself and suits a finding, each in a training of its own from the first weights. */
export function tryFixes(evidence: Evidence, findings: readonly DoctorFinding[]): TriedFix[] {
  const { model, initialWeights } = evidence;
  const steps = Math.max(STEPS, evidence.batches.length);
  const run = ({
    name,
    plan,
    weights = initialWeights,
    batches = evidence.batches,
  }: Change): Omit<TriedFix, 'helps'> => {
    const trial = { model, plan: { ...evidence.plan, ...plan }, weights, batches, steps };
    const losses = attempt(() => trialTraining(trial)) ?? [];
    const isWhole = losses.length === steps && losses.every(Number.isFinite);
    return { name, first: losses[0] ?? NaN, last: isWhole ? meanOf(losses.slice(-Math.ceil(steps / 4))) : Infinity };
  };
  const asItIs = run({ name: 'as it is' });
  // Losses of other functions cannot be compared, but what part of each is taken off can.
  const gain = ({ first, last }: Omit<TriedFix, 'helps'>): number => (first - last) / Math.abs(first);
  const least = Math.max(0.05, HELPS * Math.max(0, gain(asItIs)));
  const causes = new Set(findings.map(({ cause }) => cause));
  const tried = changesFor(causes, evidence).map(run);
  return [{ ...asItIs, helps: false }, ...tried.map((one) => ({ ...one, helps: gain(one) >= least }))];
}

/** The trials as lines for a terminal. */
export function formatFixes(tried: readonly TriedFix[]): string {
  const width = Math.max(...tried.map(({ name }) => name.length));
  const lines = tried.map(({ name, first, last, helps }) => {
    const losses = `loss ${formatNumber(first)} to ${Number.isFinite(last) ? formatNumber(last) : 'not finite'}`;
    return `  ${name.padEnd(width)}  ${losses}${helps ? '  helps' : ''}`;
  });
  return ['GradientDoctor: fixes tried from the first weights', ...lines].join('\n');
}

function changesFor(causes: ReadonlySet<CauseName>, evidence: Evidence): Change[] {
  const found = (...wanted: CauseName[]): boolean => wanted.some((cause) => causes.has(cause));
  const { plan } = evidence;
  const rate = rateOf(evidence);
  const rated = (factor: number): Change => {
    const learningRate = rate! * factor;
    const sweep = new ConstantSchedule({ learningRate });
    return { name: `learningRate: ${formatNumber(learningRate)}`, plan: { sweep } };
  };
  const changes: Change[] = [];
  const unsteady = found(
    'learning-rate-too-high',
    'exploding-initialisation',
    'unnormalised-inputs',
    'norm-spikes',
    'dead-relu',
  );
  if (rate !== null && (unsteady || found('overfit-high-rate', 'saturation'))) changes.push(rated(0.1), rated(0.01));
  if (rate !== null && found('learning-rate-too-low', 'vanishing-depth')) changes.push(rated(10), rated(100));
  if (unsteady) {
    changes.push({ name: 'clip: { globalNorm: 1 }', plan: { clipping: [...plan.clipping, clipByGlobalNorm(1)] } });
  }
  const { loss } = plan;
  if (found('softmax-twice')) {
    const flipped = { ...loss.options, fromLogits: false };
    if (loss instanceof SparseCategoricalCrossentropy) {
      changes.push({ name: 'fromLogits: false', plan: { loss: new SparseCategoricalCrossentropy(flipped) } });
    } else if (loss instanceof CategoricalCrossentropy) {
      changes.push({ name: 'fromLogits: false', plan: { loss: new CategoricalCrossentropy(flipped) } });
    } else if (loss instanceof BinaryCrossentropy) {
      changes.push({ name: 'fromLogits: false', plan: { loss: new BinaryCrossentropy(flipped) } });
    }
  }
  if (found('float16-underflow')) {
    const dynamic = { growthFactor: 2, backoff: 0.5, growthInterval: 2000 };
    changes.push({ name: "lossScale: 'dynamic'", plan: { lossScale: { initial: 2 ** 15, dynamic } } });
  }
  const wrongWeights = found(
    'zero-initialisation',
    'exploding-initialisation',
    'vanishing-depth',
    'saturation',
    'dead-relu',
  );
  if (wrongWeights) changes.push({ name: 'kernels by heNormal, biases 0', weights: redrawn(evidence) });
  if (found('unnormalised-inputs')) changes.push({ name: 'normalised inputs', batches: normalised(evidence.batches) });
  return changes;
}

/** Kernels drawn anew; other trainable weights of one axis that are no scale at zero. */
function redrawn({ model, initialWeights, plan }: Evidence): WeightSnapshot {
  const tree = model.weightTree();
  return new Map(
    [...initialWeights].map(([path, weight]) => {
      const { shape } = weight;
      if (tree.get(path)?.trainable !== true) return [path, weight];
      const size = weight.values.length;
      if (shape.length < 2) return [path, /bias$/.test(path) ? { shape, values: new Float32Array(size) } : weight];
      const deviation = Math.sqrt((2 * shape.at(-1)!) / size);
      const values = normal(RngKey.fromSeed(plan.seed, 'try-fixes', path), size).map((value) => value * deviation);
      return [path, { shape, values }];
    }),
  );
}

/** Inputs whose columns have mean 0 and standard deviation 1, by the numbers of all these batches. */
function normalised(batches: readonly Batch[]): Batch[] {
  const width = Math.max(1, (batches[0]?.x.values.length ?? 0) / (batches[0]?.size ?? 1));
  const [count, sums, squares] = [
    batches.reduce((sum, { size }) => sum + size, 0),
    new Float64Array(width),
    new Float64Array(width),
  ];
  for (const { x } of batches) x.values.forEach((value, i) => (sums[i % width]! += value));
  const means = sums.map((sum) => sum / count);
  for (const { x } of batches)
    x.values.forEach((value, i) => (squares[i % width]! += (value - means[i % width]!) ** 2));
  const deviations = squares.map((square) => Math.sqrt(square / count) || 1);
  return batches.map((batch) => {
    const values = Float32Array.from(
      batch.x.values,
      (value, i) => (value - means[i % width]!) / deviations[i % width]!,
    );
    return { ...batch, x: { ...batch.x, dtype: 'float32', values } };
  });
}
