import { EngineError, TraceError } from '../core/errors.js';
import { AGAIN_PART } from '../core/path-scope.js';
import { DATA_TYPES } from '../engine/ffi/data-types.js';
import { findOrigin, holdsValues, type Origin } from '../engine/record/non-finite-origin.js';
import { flagsAt, isBad, slotsOf, type FlaggedRun, type NodeValue, type Place } from '../engine/record/node-values.js';
import { findFaultyExamples, type FaultyExamples } from './faulty-examples.js';
import { reasonOf } from './non-finite-reason.js';
import { NonFiniteReport, type NonFiniteFindings, type NonFiniteKind } from './non-finite-report.js';
import { argumentNames, replayEagerly, replayRecorded, type PastStep, type StepReplay } from './replay-step.js';
import { StepNames } from './step-names.js';
import { statisticsOf } from './value-statistics.js';

/** Inputs of one op that are looked at. */
const MOST_INPUTS = 6;

type Findings = Omit<NonFiniteFindings, 'mode' | 'confirmedEagerly' | 'batchSize'>;

/**
 * Runs a step that was not finite again, on copies of the state it began with, and finds the first op that made a non-finite
 * value of finite ones, and the examples that cause it. The state stays as it is.
 *
 * @param where - the model and the step, for the report
 */
export async function locateNonFinite(step: PastStep, where: string): Promise<NonFiniteReport> {
  const batchSize = step.batch.size;
  if (step.plan.execution !== 'eager') {
    try {
      const { findings, origin } = await replayRecorded(step, (replay) => investigate(step, replay));
      const eager = await replayEagerly(step, async (replay) => findOrigin(await replay.run(step.batch)));
      const confirmedEagerly = sameFault(origin, eager);
      return new NonFiniteReport(where, { ...findings, mode: 'recorded', confirmedEagerly, batchSize });
    } catch (error) {
      // What TensorFlow refuses as a graph may still be run.
      if (!(error instanceof TraceError || error instanceof EngineError)) throw error;
    }
  }
  const { findings } = await replayEagerly(step, (replay) => investigate(step, replay));
  return new NonFiniteReport(where, { ...findings, mode: 'eager', confirmedEagerly: null, batchSize });
}

function sameFault(a: Origin | null, b: Origin | null): boolean {
  if (a === null || b === null) return a === b;
  return a.node.op === b.node.op && a.node.path === b.node.path && a.node.phase === b.node.phase;
}

async function investigate(step: PastStep, replay: StepReplay): Promise<{ findings: Findings; origin: Origin | null }> {
  const run = await replay.run(step.batch);
  const origin = findOrigin(run);
  if (origin === null) return { findings: UNREPRODUCED, origin };
  const names = new StepNames(step, run.nodes);
  const { node, position } = origin;
  const sources = origin.sources.filter((place) => isWorthALook(run, place)).slice(0, MOST_INPUTS);
  const rates = argumentNames(step).flatMap((name, i) => (name === 'learning rate' ? [{ position: i, slot: 0 }] : []));
  const [bad] = origin.bad as [Place];
  const values = await replay.values(step.batch, [bad, ...sources, ...rates]);
  const [output, ...inputs] = values as [NodeValue, ...NodeValue[]];
  const described = {
    output: statisticsOf(names.of(bad), output),
    inputs: sources.map((place, i) => statisticsOf(names.of(place), inputs[i]!)),
  };
  const kind = kindOf(origin, names);
  const differentiated = names.differentiated(origin);
  const learningRate = inputs[sources.length]?.values[0];
  const why =
    kind === 'op'
      ? reasonOf({ op: node.op, phase: node.phase, ...described, differentiated, learningRate })
      : HELD[kind];
  return {
    origin,
    findings: {
      kind,
      ...described,
      ...why,
      op: kind === 'op' || kind === 'constant' ? node.op : '',
      phase: kind === 'op' || kind === 'constant' ? node.phase : null,
      layer: kind === 'op' || kind === 'constant' ? node.path : '',
      weight: kind === 'weight' || kind === 'state' || node.phase === 'update' ? names.weightOf(position) : '',
      part: node.part === undefined || node.part === AGAIN_PART ? '' : node.part,
      recomputed: node.part === AGAIN_PART,
      examples: await examplesOf(step, replay, origin, kind, output),
      others: origin.others,
    },
  };
}

function kindOf({ node, position }: Origin, names: StepNames): NonFiniteKind {
  if (!holdsValues(node)) return 'op';
  if (node.op === 'Const') return 'constant';
  if (node.op === 'Placeholder') return names.argument(position) === 'learning rate' ? 'learningRate' : 'input';
  return names.isWeight(position) ? 'weight' : 'state';
}

const HELD: Readonly<Record<Exclude<NonFiniteKind, 'op'>, { readonly reason: string; readonly fix: string }>> = {
  input: {
    reason: 'the batch has numbers that are not finite',
    fix: 'look at how the data was made; drop or repair these examples',
  },
  weight: {
    reason: 'the weight was not finite before the step',
    fix: 'look at the initializer, or at what wrote the weight: setWeights, a callback, a file',
  },
  state: {
    reason: 'what training keeps between steps was not finite before the step',
    fix: 'compile the model again for fresh state, and look at what wrote it: an earlier run without a guard, a file',
  },
  learningRate: {
    reason: 'the learning rate is not finite',
    fix: 'look at who sets it: a callback, a scheduler, code between runs',
  },
  constant: {
    reason: 'the code has a constant that is not finite: a NaN, or an infinity that reaches the outcome',
    fix: 'put a finite number in its place; a mask takes -1e9 instead of minus infinity',
  },
  unreproduced: {
    reason: 'run again from the same state, the step was finite: it does something that the step does not repeat',
    fix: 'look for draws and counters in JavaScript, and for code that writes weights during the step',
  },
};

const UNREPRODUCED: Findings = {
  kind: 'unreproduced',
  op: '',
  phase: null,
  layer: '',
  weight: '',
  part: '',
  recomputed: false,
  inputs: [],
  output: null,
  examples: 'all',
  others: 0,
  ...HELD.unreproduced,
};

async function examplesOf(
  { batch }: PastStep,
  replay: StepReplay,
  { node, position, bad }: Origin,
  kind: NonFiniteKind,
  output: NodeValue,
): Promise<FaultyExamples> {
  const depends = kind === 'input' || (kind === 'op' && node.phase !== 'update');
  if (!depends) return 'all';
  return findFaultyExamples(batch, output, async (other) => {
    const run = await replay.run(other);
    return run.nodes[position]?.op === node.op && bad.some((place) => isBad(flagsAt(run, place)));
  });
}

/** Axes and shapes say nothing of a fault. */
function isWorthALook({ nodes }: FlaggedRun, { position, slot }: Place): boolean {
  const node = nodes[position]!;
  const { type } = slotsOf(node)[slot]!;
  if (type === DATA_TYPES.int32 && node.op === 'Const') return false;
  return type !== DATA_TYPES.resource && type !== DATA_TYPES.string && type !== DATA_TYPES.variant;
}
